import { okResponse, RequestError, send } from './request.ts';

/** Settings, and the tag by which the device knows what they were. */
export interface Tagged<T> {
  readonly value: T;
  readonly tag: string | undefined;
}

/** Who has changed settings, and when: as the device tells it. */
export interface ChangedBy {
  readonly user: string;
  /** Unix milliseconds. */
  readonly atMs: number;
}

/** As news and refusals of the device have it; undefined: it does not know who it was. */
export const changedBy = (told: {
  readonly user?: string | null;
  readonly time?: string | null;
}): ChangedBy | undefined => (told.user && told.time ? { user: told.user, atMs: Date.parse(told.time) } : undefined);

/** Somebody has changed the same settings since they were read: nothing was written. */
export class PreconditionFailed extends RequestError {
  /** Who, where the device knows. */
  readonly by: ChangedBy | undefined;

  constructor(message: string, by: ChangedBy | undefined) {
    super(412, message);
    this.by = by;
  }
}

export async function readConfig<T>(address: string): Promise<Tagged<T>> {
  const response = await checkResponse(await send(address, {}));
  return { value: (await response.json()) as T, tag: response.headers.get('ETag') ?? undefined };
}

/** @param tag of the settings that the change is made from; undefined: whatever they are now. @returns the tag of those after it */
export async function patchConfig(
  address: string,
  change: object,
  tag: string | undefined,
): Promise<string | undefined> {
  const headers = { 'Content-Type': 'application/json', ...(tag === undefined ? {} : { 'If-Match': tag }) };
  const response = await checkResponse(await send(address, { method: 'PATCH', headers, body: JSON.stringify(change) }));
  return response.headers.get('ETag') ?? undefined;
}

/** @throws PreconditionFailed for 412, else RequestError with the device's reason */
export async function checkResponse(response: Response): Promise<Response> {
  if (response.status === 412) {
    const body = (await response.json()) as {
      error: string;
      conflicts?: readonly { user: string | null; time: string | null }[];
    };
    throw new PreconditionFailed(body.error, changedBy(body.conflicts?.find(({ user }) => user !== null) ?? {}));
  }
  return okResponse(response);
}
