import type { NewestUpdate, UpdatePlan, UpdateState } from '../../../agent/features/updates/routes.ts';
import { fetchJson, okResponse, send } from '../../api-client/request.ts';
import type { UpdatesWords } from './words/en.ts';

/** The box's limit for an update file. */
export const MAX_BYTES = 320 << 20;
/** Lowest rate at which a file is sent or downloaded to its end: slow Wi-Fi. 4 Mbit/s. */
const MIN_BYTES_PER_MS = 500;

export type LastUpdate = NonNullable<UpdateState['last']>;

const UNDER_WAY: readonly string[] = ['installing', 'waiting', 'going back'];
export const isUnderWay = (last: LastUpdate | null | undefined): boolean => UNDER_WAY.includes(last?.state ?? '');

export const updateState = (): Promise<UpdateState> => fetchJson<UpdateState>('v3/update');
export const checkUpdate = (file: File): Promise<UpdatePlan> => post('v3/update/check', file);
export const installUpdate = (file: File): Promise<UpdatePlan> => post('v3/update', file);

export const lookForUpdate = (): Promise<NewestUpdate> =>
  // The box waits half a minute for a silent server.
  fetchJson<NewestUpdate>('v3/update/look', { method: 'POST', limitMs: 45_000 });
/** The box continues the download when the request is aborted. */
export const fetchUpdate = (version: string): Promise<UpdatePlan> =>
  fetchJson<UpdatePlan>('v3/update/fetch', { method: 'POST', body: { version }, limitMs: limitMsFor(MAX_BYTES) });

async function post(address: string, file: File): Promise<UpdatePlan> {
  const headers = { 'Content-Type': 'application/octet-stream' };
  const sent = await send(address, { method: 'POST', headers, body: file }, limitMsFor(file.size));
  const response = await okResponse(sent);
  return (await response.json()) as UpdatePlan;
}

/** With four minutes for the check of a file on a slow card. The box itself gives up after half a minute without a byte. */
const limitMsFor = (bytes: number): number => 240_000 + Math.ceil(bytes / MIN_BYTES_PER_MS);

/** The box's reason codes. */
const REASONS: Readonly<Record<string, (t: UpdatesWords) => string>> = {
  noUpdate: (t) => t.updateNone,
  damaged: (t) => t.updateDamaged,
  notSigned: (t) => t.updateNotSigned,
  laterFormat: (t) => t.updateLater,
  older: (t) => t.updateOlder,
  same: (t) => t.updateSame,
  noService: (t) => t.updateByHand,
  noKey: (t) => t.updateNoKey,
  noAddress: (t) => t.updateNoAddress,
  notFetched: (t) => t.updateNotFetched,
  notWritten: (t) => t.updateNotWritten,
  taking: (t) => t.updateTaking,
  noAnswer: (t) => t.updateNoAnswer,
  room: (t) => t.updateRoom,
  unknownVersion: (t) => t.updateNoPackage,
  noExec: (t) => t.updateNoExec,
  noSecondSystem: (t) => t.updateNoSecondSystem,
  onTrial: (t) => t.updateOnTrial,
  busy: (t) => t.updateBusy,
  failed: (t) => t.updateFailed,
  notInstalled: (t) => t.updateNotInstalled,
  notStarted: (t) => t.updateNotStarted,
  unhealthy: (t) => t.updateUnhealthy,
  notRecording: (t) => t.updateNotRecording,
  powerCut: (t) => t.updatePowerCut,
  restarted: (t) => t.updateRestarted,
  notPutBack: (t) => t.updateNotPutBack,
};

export const updateReason = (why: string | null | undefined, t: UpdatesWords): string | undefined =>
  REASONS[why ?? '']?.(t);

/** These reasons are shown with the box's own text, such as an error of dpkg. */
const WITH_BOX_TEXT: readonly unknown[] = ['failed', 'notInstalled', 'notPutBack'];
export const needsBoxText = (why: string | null): boolean => WITH_BOX_TEXT.includes(why);
