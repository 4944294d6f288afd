// Looks at BotFlix's pages in a real Chromium: node check.mjs SCREENSHOT_FOLDER BASE_URL
// Prints a line for each thing that holds; ends with an error at the first that does not.
// Needs BOTFLIX_BROWSER_MODULES (playwright-core and axe-core) and Debian's chromium.

import assert from "node:assert/strict";
import { readFileSync, mkdirSync } from "node:fs";
import { launch, modules } from "./chromium.mjs";

const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");
const [screenshots, base] = process.argv.slice(2);
mkdirSync(screenshots, { recursive: true });

const PATIENCE_MS = 20_000;
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

const browser = await launch();
try {
  await desktop();
  await phone();
} finally {
  await browser.close();
}

async function desktop() {
  await withPage(DESKTOP, async (page, trouble, answers) => {
    await page.goto(base);
    const posters = await page.locator("main img").evaluateAll((all) => all.map((image) => image.naturalWidth));
    assert.ok(posters.length > 0 && posters.every((width) => width > 0), `posters: ${posters}`);
    told("the home page shows posters");
    await accessible(page, "home");
    await page.screenshot({ path: `${screenshots}/home-desktop.png` });

    await page.locator('a[href*="/watch/"]').first().click();
    await page.waitForURL("**/watch/*");
    await plays(page, answers);
    await hasPreviews(page);
    await hasCaptionsAndChapters(page);
    await accessible(page, "watch");
    await page.evaluate(() => { document.querySelector("video").pause(); scrollTo({ top: 0, behavior: "instant" }); });
    await page.screenshot({ path: `${screenshots}/watch-desktop.png` });
    assert.deepEqual(trouble, []);
    told("no error on the console, no refusal by the content security policy");
  });
}

async function phone() {
  await withPage(PHONE, async (page, trouble) => {
    await page.goto(base);
    const watch = await page.locator('a[href*="/watch/"]').first().getAttribute("href");
    for (const [name, path] of [["home", "/"], ["watch", watch]]) {
      await page.goto(new URL(path, base).href);
      const { content, screen } = await page.evaluate(() => ({
        content: document.documentElement.scrollWidth,
        screen: document.documentElement.clientWidth,
      }));
      assert.ok(content <= screen, `${name} is ${content} px wide on a screen of ${screen} px`);
      told(`${name} fits a phone`);
      await accessible(page, name);
      await page.screenshot({ path: `${screenshots}/${name}-phone.png` });
    }
    await seeksByTouch(page);
    assert.deepEqual(trouble, []);
  });
}

async function plays(page, answers) {
  const video = page.locator("video");
  await video.evaluate((film) => { film.muted = true; return film.play(); });
  await page.waitForFunction(() => document.querySelector("video").currentTime > 1, null, { timeout: PATIENCE_MS });
  told("the film plays");

  const target = await video.evaluate((film) => film.duration * 0.7);
  const seeked = await video.evaluate((film, at) => new Promise((done) => {
    film.addEventListener("seeked", () => done(film.currentTime), { once: true });
    film.currentTime = at;
  }), target);
  assert.ok(Math.abs(seeked - target) < 0.5, `sought ${target}, found ${seeked}`);
  await page.waitForFunction((at) => document.querySelector("video").currentTime > at + 0.2, seeked, { timeout: PATIENCE_MS });
  assert.ok(answers.some(({ url, status }) => url.includes("film.mp4") && status === 206), "the film comes in ranges");
  told("the film seeks and goes on");
}

// The storyboard's pictures above the seek bar: for a pointer, and for the keyboard. Nothing else on the page moves.
async function hasPreviews(page) {
  const bar = page.locator("#seek");
  const box = await bar.boundingBox();
  const about = await page.locator("h1").boundingBox();
  const preview = page.locator("#preview.shown .preview-picture");
  const seen = [];
  for (const share of [0.1, 0.9]) {
    await page.mouse.move(box.x + box.width * share, box.y + box.height / 2);
    await preview.waitFor({ state: "visible" });
    const { sheet, place, size, left } = await preview.evaluate(async (picture) => {
      const { backgroundImage, backgroundPosition } = getComputedStyle(picture);
      const image = new Image();
      image.src = /url\("(.*)"\)/.exec(backgroundImage)[1];
      await image.decode();
      const box = picture.parentElement.getBoundingClientRect();
      return { sheet: image.naturalWidth, place: backgroundPosition, size: [picture.offsetWidth, picture.offsetHeight], left: [box.left, box.right] };
    });
    assert.ok(sheet > 0 && size[0] === 160 && size[1] > 0, `sheet ${sheet} px, picture ${size}`);
    assert.ok(left[0] >= 0 && left[1] <= page.viewportSize().width, `preview from ${left}`);
    seen.push(place);
  }
  assert.notEqual(seen[0], seen[1], "another place shows another picture");
  await page.screenshot({ path: `${screenshots}/watch-preview.png` });
  assert.deepEqual(await page.locator("h1").boundingBox(), about, "the page stays where it is");
  told("the seek bar shows the storyboard's pictures");

  await page.mouse.move(5, 5);
  await page.locator("#preview.shown").waitFor({ state: "detached" });
  await page.locator("video").evaluate((film) => { film.pause(); film.currentTime = 0; });
  await bar.focus();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => Math.abs(document.querySelector("video").currentTime - 5) < 0.1);
  await preview.waitFor({ state: "visible" });
  assert.match(await bar.getAttribute("aria-valuetext"), /^0:0[05] of 0:/);
  await bar.blur();
  await page.locator("#preview.shown").waitFor({ state: "detached" });
  told("the seek bar answers to the keyboard");
}

async function seeksByTouch(page) {
  const bar = page.locator("#seek:enabled");
  await bar.waitFor();
  await bar.scrollIntoViewIfNeeded();
  const box = await bar.boundingBox();
  await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2);
  await page.waitForFunction(() => {
    const film = document.querySelector("video");
    return Math.abs(film.currentTime / film.duration - 0.5) < 0.05;
  });
  told("a tap on the seek bar goes there");
}

async function hasCaptionsAndChapters(page) {
  const cues = await page.locator("video").evaluate(async (film) => {
    const counts = {};
    for (const element of film.querySelectorAll("track")) {
      if (element.track.mode === "disabled") element.track.mode = "hidden";
      if (element.readyState < 2) {
        await new Promise((done, fail) => {
          element.addEventListener("load", done, { once: true });
          element.addEventListener("error", () => fail(new Error(`${element.kind} do not load`)), { once: true });
        });
      }
      counts[element.kind] = element.track.cues.length;
    }
    return counts;
  });
  assert.ok(cues.captions > 0 && cues.chapters > 0, JSON.stringify(cues));
  told(`captions (${cues.captions}) and chapters (${cues.chapters}) load`);

  const chapter = page.locator("a[data-seek]").last();
  const at = Number(await chapter.getAttribute("data-seek"));
  await chapter.click();
  await page.waitForFunction((at) => {
    const now = document.querySelector("video").currentTime;
    return now >= at - 0.1 && now < at + 2;
  }, at, { timeout: PATIENCE_MS });
  told("a chapter's link goes there");
}

async function accessible(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const lines = grave.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  assert.deepEqual(lines, [], `axe on ${name}`);
  told(`axe finds nothing serious on ${name}`);
}

async function withPage(options, look) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const [trouble, answers] = [[], []];
  page.on("console", (message) => { if (message.type() === "error") trouble.push(message.text()); });
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("response", (response) => answers.push({ url: response.url(), status: response.status() }));
  await page.exposeFunction("refusedByPolicy", (what) => trouble.push(`policy: ${what}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => window.refusedByPolicy(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await look(page, trouble, answers);
  await context.close();
}

function told(what) {
  console.log(`ok: ${what}`);
}
