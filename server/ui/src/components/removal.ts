import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { useToasts } from "./toasts";

interface Shown {
  /** Under which its page keeps it. */
  readonly key: QueryKey;
  /** The list that it stood in, and where that is shown. */
  readonly list: QueryKey;
  readonly to: string;
}

/** Deletes what a page shows and goes to the list; the page stays where that fails. */
export function useRemoval({ key, list, to }: Shown): (remove: () => Promise<unknown>, done: string) => Promise<void> {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { fail, tell } = useToasts();
  return async (remove, done) => {
    try {
      await remove();
      // The page stands until the list has been loaded, and its polls would ask for what is gone.
      for (const query of client.getQueryCache().findAll({ queryKey: key })) {
        for (const observer of [...query.observers]) observer.destroy();
      }
      await navigate(to);
      await client.invalidateQueries({ queryKey: list });
      tell(done);
    } catch (error) {
      fail(error as Error);
    }
  };
}
