// Applies the chosen theme before the first paint. Loaded blocking; the choice is this browser's alone.
(() => {
  const root = document.documentElement;
  const key = "chargedeck.theme";
  // The choice may be drawn later than this runs.
  const mark = () => {
    const choice = document.querySelector(`input[name="theme"][value="${root.dataset.theme ?? "system"}"]`);
    if (choice) choice.checked = true;
  };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    mark();
  };
  const stored = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage may be forbidden; the system's theme is used then
    }
  };
  root.classList.add("js");
  apply(stored());
  addEventListener("DOMContentLoaded", mark);
  addEventListener("storage", (event) => {
    if (event.key === key) apply(event.newValue);
  });
  addEventListener("change", (event) => {
    if (event.target.name !== "theme") return;
    apply(event.target.value);
    try {
      localStorage.setItem(key, event.target.value);
    } catch {
      // kept for this page only
    }
  });
})();
