import type { Event } from "../api/schema.gen";

type Payload = Event["payload"];
type Few<P extends Payload> = P extends Payload ? Pick<P, "type"> & Partial<Omit<P, "type">> : never;

/** A payload of which a test says only what it is about; what it names is checked. */
export type FewFields = Few<Payload>;

export function payloadOf(few: FewFields): Payload {
  return few as Payload;
}
