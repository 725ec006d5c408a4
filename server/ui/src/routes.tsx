import { lazy, type ReactNode, useState } from "react";
import type { RouteObject } from "react-router";
import { Allowed } from "./components/allowed";
import { fetchedPage, PLACES, type Place } from "./places";

const laterPages = new Map(PLACES.map((place) => [place, lazy(place.load)]));

/** A page whose code is there shows at once; a suspended one shows a fallback, which React keeps for 300 ms. */
function PageAt({ place }: { place: Place }): ReactNode {
  // Chosen once for each time that the page opens, so that it keeps its state.
  const [Found] = useState(() => fetchedPage(place) ?? laterPages.get(place));
  const page = Found && <Found />;
  return place.needs === undefined ? page : <Allowed needs={place.needs}>{page}</Allowed>;
}

/** A route for every page with code of its own. */
export const PAGE_ROUTES: readonly RouteObject[] = PLACES.map((place) => ({
  path: place.path,
  element: <PageAt key={place.path} place={place} />,
}));
