import type { CameraOutput, PtzAbilities } from '../api-client/api-types.ts';
import { errorFromResponse, fetchJson, RequestError, UI_HEADER } from '../api-client/request.ts';
import { encodeName } from '../api-client/urls.ts';

export interface Preset {
  readonly token: string;
  readonly name: string;
}

export interface Ptz extends PtzAbilities {
  /** Undefined if presets are not supported. */
  readonly presets: readonly Preset[] | undefined;
}

interface Listed {
  readonly path: string;
  readonly onvif: object | null;
  /** null: not read since the box started. */
  readonly description: { readonly hasPtz: boolean } | null;
}

export interface CameraControls {
  /** Undefined without PTZ. */
  readonly ptz: Ptz | undefined;
  /** Whether it may have outputs. */
  readonly hasOnvif: boolean;
}

/**
 * PTZ of a path's camera, if the person may turn it, and whether the camera may have outputs.
 *
 * @param isListed whether the list of cameras has it, which only the owner gets, and which has no cameras of other boxes
 * @throws Error while the box has not read the camera's abilities
 */
export async function loadControls(
  path: string,
  mayTurn: boolean,
  isListed: boolean,
  signal: AbortSignal,
): Promise<CameraControls> {
  if (!isListed) {
    if (!mayTurn) {
      return { ptz: undefined, hasOnvif: true };
    }
    const ptz = await abilitiesOf(path, signal).catch((error: unknown) => {
      if (error instanceof RequestError && error.status === 501) {
        return undefined;
      }
      throw error;
    });
    return { ptz, hasOnvif: true };
  }
  // The browser would report the rejection of other paths as a failure.
  const { items } = await fetchJson<{ items: readonly Listed[] }>('v3/cameras/list?itemsPerPage=1000', { signal });
  const item = items.find((one) => one.path === path);
  if (item?.onvif && !item.description) {
    throw new Error(path);
  }
  const ptz = item?.description?.hasPtz ? await abilitiesOf(path, signal) : undefined;
  return { ptz, hasOnvif: item?.onvif != null };
}

/** Relays, lights, sirens and wipers of a path's camera. */
export interface OutputList {
  readonly items: readonly CameraOutput[];
}

export const outputsAddress = (path: string): string => `v3/cameras/outputs/list/${encodeName(path)}`;

export const loadOutputs = async (path: string, signal: AbortSignal): Promise<readonly CameraOutput[]> =>
  (await fetchJson<OutputList>(outputsAddress(path), { signal })).items;

export const switchOutput = (path: string, id: string, isOn: boolean): Promise<unknown> =>
  fetchJson(`v3/cameras/outputs/set/${encodeName(path)}`, { method: 'POST', body: { id, isOn } });

async function abilitiesOf(path: string, signal: AbortSignal): Promise<Ptz | undefined> {
  const abilities = await fetchJson<PtzAbilities>(`v3/cameras/ptz/get/${encodeName(path)}`, { signal });
  if (!abilities.hasPanTilt && !abilities.hasZoom) {
    return undefined;
  }
  // PTZ without presets.
  const presets = await listPresets(path, signal).catch(() => undefined);
  return { ...abilities, presets };
}

const presetsAddress = (path: string): string => `v3/cameras/ptz/presets/${encodeName(path)}`;

export async function listPresets(path: string, signal?: AbortSignal): Promise<readonly Preset[]> {
  const { items } = await fetchJson<{ items: readonly Preset[] }>(presetsAddress(path), signal ? { signal } : {});
  return items;
}

/** Saves the current position; a preset of that name is replaced. */
export async function savePreset(path: string, name: string): Promise<void> {
  const known = (await listPresets(path)).find((preset) => preset.name === name);
  await fetchJson(presetsAddress(path), { method: 'POST', body: known ? { name, token: known.token } : { name } });
}

export const removePreset = (path: string, token: string): Promise<unknown> =>
  fetchJson(`v3/cameras/ptz/remove/${encodeName(path)}`, { method: 'POST', body: { token } });

/** A failure in words: the page knows none for those of another box. */
export function failureText(text: string, error: unknown): string {
  const isOfBox = error instanceof RequestError && error.why?.startsWith('box');
  return isOfBox ? `${text} ${error.message}` : text;
}

/** Sent even while the page closes. */
export async function sendPtz(
  path: string,
  what: 'move' | 'stop' | 'goto' | 'home' | 'center',
  body?: object,
): Promise<void> {
  const response = await fetch(`v3/cameras/ptz/${what}/${encodeName(path)}`, {
    method: 'POST',
    headers: body ? { ...UI_HEADER, 'Content-Type': 'application/json' } : UI_HEADER,
    ...(body ? { body: JSON.stringify(body) } : {}),
    keepalive: true,
  });
  if (!response.ok) {
    throw await errorFromResponse(response);
  }
}

type Output = Pick<CameraOutput, 'id' | 'isOn'>;

/**
 * Whether an output is on; null: unknown.
 * @param items as the camera says now; undefined: not known yet
 * @param reported outputs whose state the camera has said; grows. What the page has switched says nothing of these.
 */
export function stateOf(
  { id, isOn }: Output,
  items: readonly Output[] | undefined,
  reported: Set<string>,
): boolean | null {
  const said = items?.find((item) => item.id === id)?.isOn ?? null;
  if (said !== null) {
    reported.add(id);
  }
  return reported.has(id) ? said : isOn;
}
