import type { CameraSettings } from '../../../../api-client/api-types.ts';
import { cameraCall } from '../../../../api-client/camera-addresses.ts';
import { fetchJson } from '../../../../api-client/request.ts';

/** Slow cameras take 8 s for an answer, and several are needed. */
const MAX_WAIT_MS = 60_000;

interface Span {
  readonly min: number;
  readonly max: number;
}

/** `ON`: day, infrared light is filtered out. `OFF`: night. */
export const IR_CUT_MODES = ['AUTO', 'OFF', 'ON'] as const;
export type IrCutMode = (typeof IR_CUT_MODES)[number];

/** Settings to show before the camera has answered. */
export const NO_VIDEO: CameraSettings = {
  encoder: { codec: null, width: null, height: null, fps: null, bitrateKbps: null, groupFrames: null },
  choices: [],
  irCutFilter: null,
  text: null,
  showsTime: null,
};

/** What it offers for the image of its lens. */
export const imageOf = ({ irCutFilter, text, showsTime }: CameraSettings) =>
  irCutFilter === null && text === null && showsTime === null ? undefined : { irCutFilter, text, showsTime };

/** Values of the form; 0 and empty: not stated by the camera. */
export interface VideoValues {
  readonly codec: string;
  /** Pixels of the width and height: `1920x1080`. */
  readonly size: string;
  readonly fps: number;
  readonly bitrateKbps: number;
  readonly keySeconds: number;
  readonly irCutFilter: IrCutMode;
  readonly text: string;
  readonly showsTime: boolean;
}

export const valuesOf = ({ encoder, irCutFilter, text, showsTime }: CameraSettings): VideoValues => {
  const { codec, width, height, fps, bitrateKbps, groupFrames } = encoder;
  return {
    codec: codec ?? '',
    size: width && height ? `${width}x${height}` : '',
    fps: fps ?? 0,
    bitrateKbps: bitrateKbps ?? 0,
    keySeconds: groupFrames && fps ? groupFrames / fps : 0,
    irCutFilter: irCutFilter?.now ?? 'AUTO',
    text: text ?? '',
    showsTime: showsTime ?? false,
  };
};

const BITRATES_KBPS = [128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384, 24_576];
const KEY_SECONDS = [1, 2, 3, 4, 5, 10];
/** Codecs that browsers play. */
const CODECS = ['H264', 'H265'];

/** What the form offers for the chosen codec; empty: not shown. */
export interface VideoSteps {
  readonly codecs: readonly string[];
  /** Ascending. */
  readonly sizes: readonly string[];
  readonly fps: readonly number[];
  readonly bitratesKbps: readonly number[];
  readonly keySeconds: readonly number[];
}

export function stepsOf({ choices, encoder }: CameraSettings, { codec, fps, keySeconds }: VideoValues): VideoSteps {
  const choice = choices.find((one) => one.codec === codec);
  const within = (span: Span | null | undefined, value: number) =>
    span != null && value >= span.min && value <= span.max;
  const { bitrateKbps } = encoder;
  const codecs = choices.map((one) => one.codec).filter((one) => CODECS.includes(one) || one === encoder.codec);
  const several = <T>(all: readonly T[]): readonly T[] => (all.length > 1 ? all : []);
  return {
    codecs: several(codecs),
    sizes: several((choice?.sizes ?? []).map(({ width, height }) => `${width}x${height}`).toReversed()),
    fps: several(fps > 0 ? (choice?.fps ?? []) : []),
    bitratesKbps: several(
      bitrateKbps === null
        ? []
        : BITRATES_KBPS.filter((one) => within(choice?.bitrateKbps, one) && !isAlmost(one, bitrateKbps)),
    ),
    keySeconds: several(keySeconds > 0 ? KEY_SECONDS.filter((one) => within(choice?.groupFrames, one * fps)) : []),
  };
}

/** Whether two bit rates look the same on the page, such as `1 Mbit/s`. */
const isAlmost = (kbps: number, now: number): boolean => kbps !== now && Math.abs(kbps / now - 1) < 0.05;

/** The change to send. A distance of key frames in seconds is kept when the frame rate changes. */
export function changeOf(changed: Partial<VideoValues>, { fps, keySeconds }: VideoValues): object {
  const { size, keySeconds: newSeconds, ...plain } = changed;
  const [width, height] = (size ?? '').split('x').map(Number);
  const isNewDistance = newSeconds !== undefined || (changed.fps !== undefined && keySeconds > 0);
  return {
    ...plain,
    ...(size === undefined ? {} : { width, height }),
    ...(isNewDistance ? { groupFrames: Math.max(1, Math.round(keySeconds * fps)) } : {}),
  };
}

export type ChangeState = 'checking' | 'done' | 'unchecked' | 'ignored' | 'restoring' | 'restored' | 'notRestored';

/** Answer of `/v3/cameras/settingschange`. */
export interface LastChange {
  readonly change: { readonly state: ChangeState; readonly time: string } | null;
}

export const readVideo = (path: string, signal: AbortSignal): Promise<CameraSettings> =>
  fetchJson<CameraSettings>(cameraCall('settings', path), { signal, limitMs: MAX_WAIT_MS });

/** Texts and infrared filter apply at once; after a change of the encoder the box watches the video (`checking`). */
export async function saveVideo(path: string, change: object): Promise<ChangeState> {
  const options = { method: 'POST', body: change, limitMs: MAX_WAIT_MS } as const;
  return (await fetchJson<{ state: ChangeState }>(cameraCall('settings', path), options)).state;
}
