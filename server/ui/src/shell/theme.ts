import { useEffect, useState } from "react";

export type Theme = "auto" | "light" | "dark";

const KEY = "hortus.theme";

function stored(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  return chosen === "dark" || chosen === "light" ? chosen : "auto";
}

/** The chosen theme; `auto` follows the system. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(stored);
  useEffect(() => {
    const root = document.documentElement;
    if (theme === "auto") delete root.dataset["theme"];
    else root.dataset["theme"] = theme;
    try {
      if (theme === "auto") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // Storage may be switched off; the choice then lasts until the page closes.
    }
  }, [theme]);
  return [theme, setTheme];
}
