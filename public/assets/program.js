// Watches over the browser's program. Where it cannot be had, or stops, the page says so, and loads again once the server
// answers; in a minute once at most, so that what stops every time can still be read.
(() => {
  const { text, action } = document.currentScript.dataset;
  const root = document.documentElement;
  const key = "chargedeck.reloaded";
  const minute = 60_000;
  let since = 0;
  try {
    since = Number(sessionStorage.getItem(key));
  } catch {
    since = Date.now(); // storage may be forbidden; then a minute passes each time
  }

  const reload = () => {
    try {
      sessionStorage.setItem(key, String(Date.now()));
    } catch {
      // see above
    }
    location.reload();
  };
  const reloadWhenItHelps = async () => {
    const answers = Date.now() - since > minute && (await fetch("/readyz").then(({ ok }) => ok, () => false));
    if (answers) reload();
    else setTimeout(reloadWhenItHelps, 1000 + Math.random() * 2000);
  };
  const tell = () => {
    const banner = document.createElement("aside");
    banner.className = "banner";
    banner.role = "alert";
    const said = document.createElement("p");
    said.textContent = text;
    const button = document.createElement("button");
    button.className = "button";
    button.textContent = action;
    button.addEventListener("click", reload);
    banner.append(said, button);
    document.body.append(banner);
  };
  const failed = (error) => {
    const { program } = root.dataset;
    // What else goes wrong in a page that runs ends nothing.
    if (program === "stopped" || (program === "runs" && !(error instanceof WebAssembly.RuntimeError))) return;
    root.dataset.program = "stopped";
    tell();
    reloadWhenItHelps();
  };
  addEventListener("error", ({ error }) => failed(error));
  addEventListener("unhandledrejection", ({ reason }) => failed(reason));
})();
