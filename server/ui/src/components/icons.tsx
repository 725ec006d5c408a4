import type { ReactNode } from "react";

const PATHS = {
  overview: "M3 3h7v9H3zM14 3h7v5h-7zM14 12h7v9h-7zM3 16h7v5H3z",
  runs: "M3 6h10M3 12h18M9 18h12",
  sessions: "M4 5h16v11H10l-5 4v-4H4z",
  agents: "M12 3v4M7 7h10a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2zM9.500 12v2M14.500 12v2",
  tools:
    "M14.500 6.500a4 4 0 0 1 5-4l-2.500 2.500.5 2 2 .5L22 5a4 4 0 0 1-5.500 5L8 18.500A2.100 2.100 0 1 1 5 15.500z",
  memory:
    "M12 4c-4.400 0-8 1.300-8 3s3.600 3 8 3 8-1.300 8-3-3.600-3-8-3zM4 7v10c0 1.700 3.600 3 8 3s8-1.300 8-3V7M4 12c0 1.700 3.600 3 8 3s8-1.300 8-3",
  approvals: "M4 5h16v14H4zM8 12l3 3 5-6",
  policies: "M12 3l8 3v6c0 4.500-3.300 7.700-8 9-4.700-1.300-8-4.500-8-9V6zM8.500 12l2.500 2.500 4.500-4.500",
  schedules: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.500V12l3.500 2",
  webhooks: "M4 12h10M10 7l5 5-5 5M19 5v14",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M13 4.500v5M7 14.500v5",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12.500l4.500 4.500L19 7",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z",
  auto: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
} as const;

export type IconName = keyof typeof PATHS;

/** A decoration: the words beside it carry the meaning. */
export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg
      viewBox="0 0 24 24"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark of the product. */
export function Leaf(): ReactNode {
  return (
    <svg viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
      <path d="M11 22v-4.500C6 17 3 14 2.500 8 6 8 10 9.500 11.200 15.600 11.800 13 13.400 10.600 17 9c-4.400 3.600-5 7.500-5 13z" />
      <path d="M21.500 2.500C14 2 9.500 5 10.200 11.200 12.200 8 15 6 18.500 5c-3.500 2.400-5.500 5.500-5.900 9.500 6.400-.5 9.400-5 8.900-12z" />
    </svg>
  );
}
