import { type Change, okResponse, RequestError, send } from './request.ts';

/** Settings with their entity tag. */
export interface Tagged<T> {
  readonly value: T;
  readonly tag: string | undefined;
}

/** Author and time of a change, as the box reports them. */
export interface ChangedBy {
  readonly user: string;
  /** Time of the change, in Unix milliseconds. */
  readonly atMs: number;
}

/** Author and time of the change in an event or a conflict, or undefined if the box does not know the author. */
export const changedBy = (answer: {
  readonly user?: string | null;
  readonly time?: string | null;
}): ChangedBy | undefined =>
  answer.user && answer.time ? { user: answer.user, atMs: Date.parse(answer.time) } : undefined;

/** Someone else has changed the same settings since they were read. Nothing was written. */
export class PreconditionFailed extends RequestError {
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

/** @param tag entity tag of the settings that the change is based on, or undefined for any. @returns the tag after the change */
export async function patchConfig(
  address: string,
  body: object,
  tag: string | undefined,
  change?: Change,
): Promise<string | undefined> {
  const headers = { 'Content-Type': 'application/json', ...(tag === undefined ? {} : { 'If-Match': tag }) };
  const response = await send(address, { method: 'PATCH', headers, body: JSON.stringify(body) }, undefined, change);
  return (await checkResponse(response)).headers.get('ETag') ?? undefined;
}

/** @throws PreconditionFailed for 412, else RequestError with the box's reason */
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
