import { queryOptions, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, body } from "../api/client";
import { Json } from "../components/prose";
import { Loaded } from "../components/states";
import { Status } from "../components/status";
import { useCan } from "../shell/me";

function requestQuery(run: string, seq: number) {
  return queryOptions({
    queryKey: ["call-request", run, seq],
    queryFn: () => body(api.GET("/v1/runs/{run_id}/requests/{seq}", { params: { path: { run_id: run, seq } } })),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
}

/** What a model call was asked, built again from the log by the server once somebody wants to see it. */
export function SentRequest({ run, seq }: { run: string; seq: number }): ReactNode {
  const can = useCan();
  const [open, setOpen] = useState(false);
  const query = useQuery({ ...requestQuery(run, seq), enabled: open });
  if (!can("runs:read")) return null;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="small muted">request</summary>
      {open && (
        <Loaded query={query}>
          {(found) => (
            <div className="stack">
              <div className="row small">
                <Status tone={found.exact ? "ok" : "wait"}>{found.exact ? "exactly as sent" : "not as sent"}</Status>
                <span className="muted mono" title={found.sent_sha256}>
                  SHA-256 {found.sent_sha256.slice(0, 12)}
                </span>
                {!found.exact && <span className="muted">Something outside the log has changed since.</span>}
              </div>
              <Json value={found.request} />
            </div>
          )}
        </Loaded>
      )}
    </details>
  );
}
