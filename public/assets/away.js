// Keeps what one reads while the server does not answer: a link waits until it does, and the page says so. Without this the
// browser would put its own page of errors in the place of ours.
(() => {
  const { text, action } = document.currentScript.dataset;
  const pause = 1500;
  const patience = 5_000;
  let banner;
  // The last thing that was asked for; what was asked before it is forgotten.
  let asked = 0;
  let going = false;

  const answers = () =>
    fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(patience) }).then(({ ok }) => ok, () => false);
  // The browser's program, where there is one, draws the next page itself, and its connection tells whether it can.
  const followed = () =>
    document.documentElement.dataset.program === "runs" &&
    document.querySelector("[data-connection]")?.dataset.connection === "live";
  const quiet = () => {
    banner?.remove();
    banner = undefined;
  };
  const tell = () => {
    banner ??= showBanner(text, action, () => {
      asked += 1;
      quiet();
    });
  };
  const wait = async (event, go) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    const mine = (asked += 1);
    while (!(await answers())) {
      if (mine !== asked) return;
      tell();
      await new Promise((over) => setTimeout(over, pause * (0.5 + Math.random())));
    }
    if (mine !== asked) return;
    quiet();
    going = true;
    go();
    going = false;
  };

  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (going || !link || event.button || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const { origin, pathname, search, hash, target } = link;
    const here = pathname === location.pathname && search === location.search && hash;
    if (origin !== location.origin || here || target || link.hasAttribute("download")) return;
    if (followed() && !link.relList.contains("external")) return;
    wait(event, () => (link.isConnected ? link.click() : location.assign(link.href)));
  }, true);
  // A form that asks for another page waits, too. Those that do something go their way: one may hold a password, and
  // signing out must leave the page whatever becomes of it.
  addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (!going && form.getAttribute("method") === "get" && !followed()) wait(event, () => form.requestSubmit(submitter));
  }, true);
})();
