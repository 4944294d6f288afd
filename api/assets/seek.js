// A bar to seek with, and above it what is to be seen there: the pictures of the storyboard. The player's own controls work without it.
(() => {
  "use strict";
  const film = document.getElementById("film");
  const bar = document.getElementById("seek");
  const preview = document.getElementById("preview");
  if (!film || !bar || !preview) return;

  const picture = preview.querySelector(".preview-picture");
  const clock = preview.querySelector(".preview-time");
  const storyboard = film.querySelector('track[kind="metadata"]');
  const THUMB_PX = 16; // as wide as in the style sheet
  const STEP_SECONDS = 5;

  const time = (seconds) => {
    const whole = Math.floor(seconds);
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (number) => String(number).padStart(2, "0");
    return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  };

  let held = false;
  const follow = () => {
    if (!held) bar.value = film.currentTime;
    bar.style.setProperty("--played", `${(100 * bar.value) / bar.max}%`);
    bar.setAttribute("aria-valuetext", `${time(film.currentTime)} of ${time(film.duration || 0)}`);
  };
  const ready = () => {
    if (!Number.isFinite(film.duration)) return;
    bar.max = film.duration;
    bar.disabled = film.videoWidth === 0;
    film.classList.toggle("has-bar", !bar.disabled);
    follow();
  };
  if (film.readyState >= HTMLMediaElement.HAVE_METADATA) ready();
  film.addEventListener("loadedmetadata", ready);
  film.addEventListener("durationchange", ready);
  film.addEventListener("timeupdate", follow);
  film.addEventListener("seeked", follow);

  // The storyboard is fetched when somebody first looks for a place.
  const pictureAt = (seconds) => {
    if (!storyboard) return null;
    const cues = [...(storyboard.track.cues || [])];
    const cue = cues.find((one) => seconds >= one.startTime && seconds < one.endTime) || cues.at(-1);
    const found = cue && /^(.*)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(cue.text.trim());
    if (!found) return null;
    const [x, y, width, height] = found.slice(2).map(Number);
    return { sheet: new URL(found[1], storyboard.src).href, x, y, width, height };
  };
  let wanted = null;
  const show = (seconds) => {
    wanted = seconds;
    if (storyboard && storyboard.track.mode === "disabled") storyboard.track.mode = "hidden";
    const share = film.duration ? seconds / film.duration : 0;
    clock.textContent = time(seconds);
    const tile = pictureAt(seconds);
    picture.hidden = !tile;
    if (tile) {
      picture.style.width = `${tile.width}px`;
      picture.style.height = `${tile.height}px`;
      picture.style.backgroundImage = `url("${tile.sheet}")`;
      picture.style.backgroundPosition = `-${tile.x}px -${tile.y}px`;
    }
    preview.classList.add("shown");
    const half = preview.offsetWidth / 2;
    const at = THUMB_PX / 2 + share * (bar.offsetWidth - THUMB_PX);
    const left = Math.min(Math.max(at, half), Math.max(bar.offsetWidth - half, half));
    preview.style.transform = `translateX(${left - half}px)`;
  };
  const hide = () => { wanted = null; preview.classList.remove("shown"); };
  if (storyboard) storyboard.addEventListener("load", () => { if (wanted !== null) show(wanted); });

  const under = (event) => {
    const box = bar.getBoundingClientRect();
    const share = (event.clientX - box.left - THUMB_PX / 2) / (box.width - THUMB_PX);
    return Math.min(Math.max(share, 0), 1) * film.duration;
  };
  bar.addEventListener("pointermove", (event) => { if (!bar.disabled) show(under(event)); });
  bar.addEventListener("pointerdown", () => { held = true; });
  for (const over of ["pointerup", "pointercancel", "change"]) bar.addEventListener(over, () => { held = false; });
  for (const away of ["pointerleave", "pointercancel", "blur"]) bar.addEventListener(away, hide);
  bar.addEventListener("pointerup", (event) => { if (event.pointerType !== "mouse") hide(); });

  bar.addEventListener("input", () => {
    film.currentTime = Number(bar.value);
    show(Number(bar.value));
  });
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -6, PageUp: 6 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = Math.min(Math.max(Number(bar.value) + step * STEP_SECONDS, 0), film.duration);
    bar.value = at;
    film.currentTime = at;
    show(at);
  });
})();
