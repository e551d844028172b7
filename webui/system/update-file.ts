import { fetchJson, okResponse, send } from '../api-client/request.ts';

/** What the device takes at most. */
export const MAX_BYTES = 320 << 20;
/** A Node over a slow Wi-Fi, and a device that reads all of it before it says yes. */
const LIMIT_MS = 240_000;
/** The device gives a server that is silent half a minute. */
const LOOK_LIMIT_MS = 45_000;

export interface LastUpdate {
  readonly ok: boolean;
  readonly state: string;
  readonly why: string | null;
  readonly text: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly time: string | null;
}

export interface UpdateState {
  readonly version: string;
  readonly lacking: 'noService' | 'noKey' | null;
  /** A file is being checked, fetched or taken, for this page or for somebody else. */
  readonly isReceiving: boolean;
  /** Where the device looks for updates when it is asked to. */
  readonly address: string | null;
  readonly last: LastUpdate | null;
}

export interface UpdatePlan {
  readonly version: string;
  readonly current: string;
}

/** What there is at the configured address. */
interface NewestUpdate extends UpdatePlan {
  readonly isNewer: boolean;
}

const UNDER_WAY: readonly string[] = ['installing', 'waiting', 'going back'];
export const isUnderWay = (last: LastUpdate | null | undefined): boolean => UNDER_WAY.includes(last?.state ?? '');

export const updateState = (): Promise<UpdateState> => fetchJson<UpdateState>('v3/update');
export const checkUpdate = (file: File): Promise<UpdatePlan> => post('v3/update/check', file);
export const installUpdate = (file: File): Promise<UpdatePlan> => post('v3/update', file);

export const lookForUpdate = (): Promise<NewestUpdate> =>
  fetchJson<NewestUpdate>('v3/update/look', { method: 'POST', limitMs: LOOK_LIMIT_MS });
/** The device fetches it over whatever way it has, and goes on when nobody waits any more. */
export const fetchUpdate = (version: string): Promise<UpdatePlan> =>
  fetchJson<UpdatePlan>('v3/update/fetch', { method: 'POST', body: { version }, limitMs: LIMIT_MS });

async function post(address: string, file: File): Promise<UpdatePlan> {
  const headers = { 'Content-Type': 'application/octet-stream' };
  const response = await okResponse(await send(address, { method: 'POST', headers, body: file }, LIMIT_MS));
  return (await response.json()) as UpdatePlan;
}
