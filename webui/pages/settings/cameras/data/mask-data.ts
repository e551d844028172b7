import { cameraCall } from '../../../../api-client/camera-addresses.ts';
import { fetchJson } from '../../../../api-client/request.ts';
import type { Mask, MaskDraft } from '../../../../cameras/mask-shape.ts';

/** Answer of `/v3/cameras/masks`. */
export interface CameraMasks {
  /** 0: the camera has no masks. */
  readonly maxMasks: number;
  readonly maxPoints: number;
  readonly rectangleOnly: boolean;
  readonly masks: readonly Mask[];
}

const post = (call: string, path: string, body: object): Promise<CameraMasks> =>
  // Slow cameras take 8 s for an answer, and several are needed.
  fetchJson<CameraMasks>(cameraCall(call, path), { method: 'POST', body, limitMs: 60_000 });

export const saveMask = (path: string, { token, points }: MaskDraft): Promise<CameraMasks> =>
  post('masks', path, { points, ...(token === undefined ? {} : { token }) });

export const removeMask = (path: string, token: string): Promise<CameraMasks> => post('removemask', path, { token });
