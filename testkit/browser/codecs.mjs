// Opens watch pages of films in other codecs in a real Chromium: node codecs.mjs SCREENSHOT_FOLDER PLAYS_URL LACKS_URL
// The first film must play and seek. The second is of a codec that this browser lacks: the page must say so and offer the file.
// Prints a line for each thing that holds. Needs BOTFLIX_BROWSER_MODULES (playwright-core) and Debian's chromium.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { launch } from "./chromium.mjs";

const [screenshots, plays, lacks] = process.argv.slice(2);
mkdirSync(screenshots, { recursive: true });

const VISITS = 10;

const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(20_000);
  await page.goto(plays);
  const seen = await page.locator("video").evaluate(async (film) => {
    film.muted = true;
    await film.play();
    while (film.currentTime < 0.5) await new Promise((next) => requestAnimationFrame(next));
    film.pause();
    const at = film.duration * 0.7;
    const seeked = new Promise((done) => film.addEventListener("seeked", done, { once: true }));
    film.currentTime = at;
    await seeked;
    return { at, now: film.currentTime, width: film.videoWidth, shown: film.getVideoPlaybackQuality().totalVideoFrames };
  });
  assert.ok(Math.abs(seen.now - seen.at) < 0.1 && seen.width > 0 && seen.shown > 5, JSON.stringify(seen));
  // Whatever state the player is in when the script comes to it.
  for (let visit = 0; visit < VISITS; visit++) {
    await page.reload();
    await page.waitForFunction(() => document.querySelector("video").readyState >= HTMLMediaElement.HAVE_METADATA);
    assert.ok(await page.locator("#unplayable").isHidden(), `visit ${visit}: a film that plays is said not to`);
  }
  console.log("ok: the film plays and seeks");

  await page.goto(lacks);
  const message = page.locator("#unplayable");
  await message.waitFor({ state: "visible" });
  assert.match(await message.innerText(), /cannot show the pictures/);
  assert.ok(await page.locator("video").isHidden(), "no dead player");
  const [download] = await Promise.all([page.waitForEvent("download"), message.locator("a").click()]);
  assert.match(download.suggestedFilename(), /\.mp4$/);
  assert.equal(await download.failure(), null);
  await page.screenshot({ path: `${screenshots}/watch-unplayable.png` });
  console.log("ok: the page says that the browser lacks the film's codec, and offers the file");
} finally {
  await browser.close();
}
