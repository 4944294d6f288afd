// Reads the counter in every frame of a film in a real Chromium: node frames.mjs FILM FRAMES FPS BITS
// Frame n of the film must show n as BITS bars, the lowest bit on the left, white for 1. Prints a line for each thing that holds; ends with an
// error at the first frame that shows another number. Needs BOTFLIX_BROWSER_MODULES (playwright-core) and Debian's chromium.

import assert from "node:assert/strict";
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { launch } from "./chromium.mjs";

const [film, frames, fps, bits] = [process.argv[2], ...process.argv.slice(3).map(Number)];

const server = createServer(serve);
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const browser = await launch();
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const { seeks, played } = await page.evaluate(look, { frames, fps, bits });
  assert.deepEqual(seeks.filter(({ wanted, seen }) => wanted !== seen), []);
  console.log(`ok: ${seeks.length} seeks show the frame that was sought`);
  assert.deepEqual(played.filter(({ wanted, seen }) => wanted !== seen), []);
  assert.ok(played.length > frames / 4, `only ${played.length} of ${frames} frames were presented`);
  console.log(`ok: ${played.length} of ${frames} frames presented while playing, each at its time`);
} finally {
  await browser.close();
  server.close();
}

function serve(request, response) {
  if (request.url === "/") {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<!doctype html><video muted preload=auto></video>");
    return;
  }
  const { size } = statSync(film);
  const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "");
  const start = range ? Number(range[1]) : 0;
  const end = range?.[2] ? Math.min(Number(range[2]), size - 1) : size - 1;
  response.writeHead(range ? 206 : 200, {
    "content-type": "video/mp4",
    "accept-ranges": "bytes",
    "content-length": end - start + 1,
    ...(range && { "content-range": `bytes ${start}-${end}/${size}` }),
  });
  createReadStream(film, { start, end }).on("error", () => response.destroy()).pipe(response);
}

// Runs in the page.
async function look({ frames, fps, bits }) {
  const video = document.querySelector("video");
  const canvas = document.createElement("canvas");
  const failed = new Promise((_, reject) => {
    video.onerror = () => reject(new Error(`media error ${video.error?.code}: ${video.error?.message}`));
  });
  const canplay = new Promise((ready) => { video.oncanplaythrough = ready; });
  video.src = "/film.mp4";
  await Promise.race([canplay, failed]);
  canvas.width = video.videoWidth;
  canvas.height = 1;
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const read = () => {
    brush.drawImage(video, 0, video.videoHeight / 2, video.videoWidth, 1, 0, 0, video.videoWidth, 1);
    const row = brush.getImageData(0, 0, video.videoWidth, 1).data;
    let number = 0;
    for (let bit = 0; bit < bits; bit++) {
      const x = Math.floor(((bit + 0.5) * video.videoWidth) / bits);
      if (row[4 * x] > 127) number += 2 ** bit;
    }
    return number;
  };
  const sought = async (frame) => {
    const done = new Promise((seeked) => { video.onseeked = seeked; });
    const shown = new Promise((frameShown) => video.requestVideoFrameCallback(frameShown));
    video.currentTime = (frame + 0.5) / fps;
    await Promise.race([done, failed]);
    await Promise.race([shown, new Promise((late) => setTimeout(late, 500))]);
    return { wanted: frame, seen: read() };
  };
  const seeks = [];
  // Backwards and forwards, over every join: 7 shares no factor with the usual counts.
  for (let step = 0; step < frames; step++) {
    if (step % 2 && frames > 400) continue;
    seeks.push(await sought((step * 7 + frames - 1) % frames));
  }
  await sought(0);
  const played = [];
  const ended = new Promise((end) => { video.onended = end; });
  const each = (_, { mediaTime }) => {
    played.push({ wanted: Math.round(mediaTime * fps), seen: read() });
    video.requestVideoFrameCallback(each);
  };
  video.requestVideoFrameCallback(each);
  await video.play();
  await Promise.race([ended, failed]);
  return { seeks, played };
}
