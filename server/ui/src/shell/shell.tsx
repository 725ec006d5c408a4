import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, Suspense, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Outlet, useLocation } from "react-router";
import { isOutage } from "../api/problem";
import { readinessQuery } from "../api/queries";
import { FaultBoundary } from "../components/fault";
import { Icon, Leaf } from "../components/icons";
import { LeaveGuard } from "../components/leaving";
import { Loading } from "../components/states";
import { FirstOwner } from "../people/first-owner";
import { StopBanner } from "../stops/banner";
import { KeysHelp } from "./keys-help";
import { Palette } from "./palette";
import { Sidebar } from "./sidebar";

/** The frame around every page: navigation, command palette, a banner while something is down. */
export function Shell(): ReactNode {
  const { pathname } = useLocation();
  const [menu, setMenu] = useState(false);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  useHotkeys({ palette: () => setPalette((open) => !open), help: () => setHelp(true) });
  useFocusOnNavigation();
  const server = useReturn();
  useEffect(() => {
    if (!menu) return;
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && setMenu(false);
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [menu]);
  function openPalette(): void {
    setMenu(false);
    setPalette(true);
  }
  return (
    <LeaveGuard>
      <div className="shell">
        <a className="button button-primary skip-link" href="#main">
          Skip to the content
        </a>
        <header className="topbar">
          <button
            type="button"
            className="icon-button"
            aria-label="Menu"
            aria-expanded={menu}
            aria-controls="sidebar"
            onClick={() => setMenu(!menu)}
          >
            <Icon name={menu ? "close" : "menu"} />
          </button>
          <span className="brand">
            <Leaf />
            Hortus
          </span>
          <button type="button" className="button button-plain" onClick={() => setPalette(true)}>
            Jump
          </button>
        </header>
        {menu && <button type="button" className="scrim" aria-label="Close the menu" onClick={() => setMenu(false)} />}
        <Sidebar open={menu} onNavigate={() => setMenu(false)} onPalette={openPalette} />
        <main className="content" id="main" tabIndex={-1}>
          <FirstOwner />
          <StopBanner />
          <HealthBanner />
          <FaultBoundary place={pathname} isUp={server.isUp} onUnfetched={server.look}>
            <Suspense fallback={<Loading />}>
              <Outlet />
            </Suspense>
          </FaultBoundary>
        </main>
        {palette && <Palette onClose={() => setPalette(false)} />}
        {help && <KeysHelp onClose={() => setHelp(false)} />}
      </div>
    </LeaveGuard>
  );
}

/** Whether the server answers; once it does again, what could not be read meanwhile is read by itself. */
function useReturn(): { readonly isUp: boolean; readonly look: () => void } {
  const { data, error, refetch } = useQuery(readinessQuery);
  const client = useQueryClient();
  const isUp = error === null && data !== undefined && data.state !== "unavailable";
  const before = useRef(isUp);
  useEffect(() => {
    const isBack = isUp && !before.current;
    before.current = isUp;
    if (!isBack) return;
    void client.refetchQueries({ type: "active", predicate: ({ state }) => isOutage(state.error) });
  }, [isUp, client]);
  return { isUp, look: () => void refetch() };
}

function HealthBanner(): ReactNode {
  const { data, error } = useQuery(readinessQuery);
  if (error) {
    return (
      <div className="banner banner-bad" role="alert">
        The server does not answer. This page shows what was read last and goes on by itself when it returns.
      </div>
    );
  }
  const down = data?.components.filter((component) => component.state !== "ok") ?? [];
  if (down.length === 0) return null;
  const isBad = data?.state === "unavailable";
  return (
    <div className={isBad ? "banner banner-bad" : "banner"} role={isBad ? "alert" : "status"}>
      {down.map((component) => (
        <span key={component.component}>
          {component.component} is down: {component.detail}
        </span>
      ))}
    </div>
  );
}

function useHotkeys(actions: { readonly palette: () => void; readonly help: () => void }): void {
  const latest = useRef(actions);
  latest.current = actions;
  // With the page's first picture: whoever sees it may press a key.
  useLayoutEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        latest.current.palette();
      } else if (event.key === "?" && !event.ctrlKey && !event.metaKey && !isWriting(event.target)) {
        event.preventDefault();
        latest.current.help();
      }
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, dialog, [contenteditable]") !== null;
}

/** Screen readers hear the new page, and the keyboard starts at its content. */
function useFocusOnNavigation(): void {
  const { pathname } = useLocation();
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    window.scrollTo(0, 0);
    document.getElementById("main")?.focus({ preventScroll: true });
  }, [pathname]);
}
