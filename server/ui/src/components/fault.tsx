import { Component, type ReactNode } from "react";

// Chromium, Firefox and Safari, of a part of the page that could not be had.
const UNFETCHED = /dynamically imported module|Importing a module script failed/;

interface Props {
  /** What is shown now: another page gets another try. */
  readonly place: string;
  /** Whether the server answers, as far as is known. */
  readonly isUp: boolean;
  /** A part of the page could not be had: look whether the server answers. */
  readonly onUnfetched: () => void;
  readonly children: ReactNode;
}

interface State {
  readonly place: string;
  readonly error: Error | null;
}

/** A page that cannot be shown says so, and everything around it, the stops among it, goes on. */
export class FaultBoundary extends Component<Props, State> {
  override state: State = { place: this.props.place, error: null };

  static getDerivedStateFromError(thrown: unknown): Partial<State> {
    return { error: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }

  static getDerivedStateFromProps(props: Props, state: State): Partial<State> | null {
    return props.place === state.place ? null : { place: props.place, error: null };
  }

  override componentDidCatch(error: Error): void {
    if (UNFETCHED.test(error.message)) this.props.onUnfetched();
  }

  override componentDidUpdate(before: Props): void {
    // Browsers remember that a part was not there; nothing was typed into a page that never showed.
    const isBack = this.props.isUp && !before.isUp;
    if (isBack && UNFETCHED.test(this.state.error?.message ?? "")) window.location.reload();
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <div className="state" role="alert">
        <h1>This page cannot be shown</h1>
        {UNFETCHED.test(error.message) ? (
          <p>
            The server does not answer, or was updated: the page itself could not be fetched. Runs go on. It comes by
            itself when the server answers again; after an update a reload brings it.
          </p>
        ) : (
          <p>
            A fault of the page itself, not of the server: runs go on, and every other page works. After an update of
            the server a reload mends it.
          </p>
        )}
        <p className="small mono">{error.message}</p>
        <button type="button" className="button" onClick={() => window.location.reload()}>
          Reload
        </button>
      </div>
    );
  }
}
