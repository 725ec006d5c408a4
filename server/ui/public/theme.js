// Before the first paint, so that a chosen theme does not flash. No secret is kept here.
try {
  const chosen = localStorage.getItem("hortus.theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be switched off; the system's preference holds then.
}
