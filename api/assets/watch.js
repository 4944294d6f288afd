// Chapters that seek, a place to resume, a link to copy, and word of a film that the browser cannot show. The page works without it.
(() => {
  "use strict";
  const article = document.querySelector("[data-episode]");
  const film = document.getElementById("film");
  if (!article || !film) return;

  const links = [...document.querySelectorAll("[data-seek]")];
  const markCurrent = () => {
    let current = null;
    for (const link of links) {
      link.removeAttribute("aria-current");
      if (Number(link.dataset.seek) <= film.currentTime + 0.05) current = link;
    }
    if (current) current.setAttribute("aria-current", "true");
  };
  film.addEventListener("seeking", markCurrent);
  for (const link of links) {
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      film.currentTime = Number(link.dataset.seek);
      history.replaceState(null, "", link.getAttribute("href"));
      film.play().catch(() => {});
    });
  }

  // A browser without the film's video format reports no error: Chromium plays the sound of an HEVC film and shows nothing.
  const unplayable = document.getElementById("unplayable");
  const giveUp = () => {
    film.pause();
    film.hidden = true;
    unplayable.hidden = false;
    article.classList.add("not-shown");
  };
  const look = () => { if (film.videoWidth === 0) giveUp(); };
  if (film.readyState >= HTMLMediaElement.HAVE_METADATA) look();
  else film.addEventListener("loadedmetadata", look, { once: true });
  const source = film.querySelector("source");
  source.addEventListener("error", () => {
    if (film.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) giveUp();
  });
  // This state is passed through while a source is chosen, too. If it stands for a refusal from before this script, choosing again repeats it.
  if (film.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) film.load();

  const place = "botflix:at:" + article.dataset.episode;
  const asked = new URLSearchParams(location.search).has("t");
  const remember = (seconds) => {
    try {
      if (seconds === null) localStorage.removeItem(place);
      else localStorage.setItem(place, String(seconds));
    } catch { /* storage is off: nothing to resume */ }
  };
  const remembered = () => {
    try { return Number(localStorage.getItem(place)); } catch { return 0; }
  };
  film.addEventListener("loadedmetadata", () => {
    const at = remembered();
    if (!asked && at > 3 && at < film.duration - 5) film.currentTime = at;
  }, { once: true });
  let saved = 0;
  film.addEventListener("timeupdate", () => {
    markCurrent();
    if (Math.abs(film.currentTime - saved) < 2) return;
    saved = film.currentTime;
    remember(saved);
  });
  film.addEventListener("ended", () => remember(null));

  const copy = document.getElementById("copy");
  const share = document.getElementById("share");
  if (copy && share && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(share.value);
        document.getElementById("copied").textContent = "Copied.";
      } catch { share.select(); }
    });
  }
})();
