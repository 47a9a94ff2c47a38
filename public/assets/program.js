// Watches over the browser's program. Where it cannot be had, or stops, the page says so and loads again by itself: once,
// when that could be read, the server answers, and nobody is at work in it. What stops every time can still be read, and loads on request.
(() => {
  const { text, action } = document.currentScript.dataset;
  const root = document.documentElement;
  const key = "chargedeck.stopped";
  const minute = 60_000;
  const readable = 5_000;
  const atWork = ":is(input, textarea, select):focus, dialog[open]";
  let banner;

  const runs = () => root.dataset.program === "runs";
  // Storage may be forbidden; then nothing is done that could go on for ever.
  const stored = (use) => {
    try {
      return use(sessionStorage);
    } catch {
      return null;
    }
  };
  const mayReload = () => stored((storage) => storage.getItem(key) === null) === true;
  const noted = () => stored((storage) => (storage.setItem(key, "1"), true)) === true;

  const reloadWhenCalm = async () => {
    if (!banner || !mayReload()) return;
    const calm = document.hidden || !document.querySelector(atWork);
    const answers = calm && (await fetch("/readyz").then(({ ok }) => ok, () => false));
    if (!banner) return;
    if (!answers) setTimeout(reloadWhenCalm, 1000 + Math.random() * 2000);
    else if (noted()) location.reload();
  };
  const tell = () => {
    banner = showBanner(text, action, () => location.reload());
    root.dataset.stopped = "";
    setTimeout(reloadWhenCalm, readable);
  };
  const failed = (error) => {
    // What else goes wrong in a page that runs ends nothing.
    if (!banner && (!runs() || error instanceof WebAssembly.RuntimeError)) tell();
  };
  addEventListener("error", ({ error }) => failed(error));
  addEventListener("unhandledrejection", ({ reason }) => failed(reason));
  new MutationObserver(() => {
    // It was something else that went wrong.
    banner?.remove();
    banner = undefined;
    delete root.dataset.stopped;
    setTimeout(() => banner || stored((storage) => storage.removeItem(key)), minute);
  }).observe(root, { attributeFilter: ["data-program"] });
})();
