// Debian's Chromium, as all scripts here start it. Needs BOTFLIX_BROWSER_MODULES (playwright-core, and what a script asks for beside it).

import { createRequire } from "node:module";

export const modules = createRequire(`${process.env.BOTFLIX_BROWSER_MODULES}/`);

export function launch() {
  return modules("playwright-core").chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required",
    ],
  });
}
