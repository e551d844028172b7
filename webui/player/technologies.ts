import type { FailureKind, PlayError, Technology } from './live-session.ts';
import type { Source } from './source.ts';

/** The best one first. */
export const ALL_WAYS: readonly Technology[] = ['WebRTC', 'MSE', 'HLS'];

/** A way that was not taken. */
export interface PassedWay {
  readonly technology: Technology;
  /** `unwanted`: it was not even tried. */
  readonly kind: FailureKind | 'unwanted';
  readonly reason: string;
}

export interface WayState {
  /** What may be used, in this order. */
  readonly wanted: readonly Technology[];
  readonly source: Pick<Source, 'whep' | 'mse' | 'hls'>;
  /** Media did not come through a moment ago: it is tried last. */
  readonly isWebRtcBlocked: boolean;
  /** Somebody wants to hear the sound, which WebRTC does not carry. */
  readonly needsSound: boolean;
}

export interface WayPlan {
  readonly order: readonly Technology[];
  readonly passed: readonly PassedWay[];
}

/** Which ways are tried one after the other, and why others, or the best one at first, are not. */
export function planWays({ wanted, source, isWebRtcBlocked, needsSound }: WayState): WayPlan {
  const addresses: Record<Technology, string | undefined> = { WebRTC: source.whep, MSE: source.mse, HLS: source.hls };
  const order = wanted.filter((way) => addresses[way] !== undefined);
  const passed: PassedWay[] = wanted
    .filter((way) => !order.includes(way))
    .map((technology) => ({ technology, kind: 'unwanted', reason: 'it is not served here' }));
  const isLast = order.length > 1 && order.includes('WebRTC') && (isWebRtcBlocked || needsSound);
  if (!isLast) {
    return { order, passed };
  }
  const reason = needsSound ? "it does not carry this camera's sound" : 'its media did not come through a moment ago';
  return {
    order: [...order.filter((way) => way !== 'WebRTC'), 'WebRTC'],
    passed: [...passed, { technology: 'WebRTC', kind: 'unwanted', reason }],
  };
}

/** Whether what remains may do better. What Media Source cannot decode it cannot decode out of HLS either. */
export function isWorthTrying(way: Technology, failures: ReadonlyMap<Technology, PlayError>): boolean {
  return !(way === 'HLS' && failures.get('MSE')?.kind === 'codec');
}

/** The box would say no by any way, or does not answer at all: only time helps. */
export const isFinal = ({ kind }: PlayError): boolean => kind !== 'codec' && kind !== 'transport';

/** `webrtc mse hls` as it stands in an attribute; what it does not know it leaves out. */
export function parseWays(text: string | null): readonly Technology[] {
  const names = (text ?? '').toLowerCase().split(/[\s,]+/);
  const wanted = names.flatMap((name) => ALL_WAYS.filter((way) => way.toLowerCase() === name));
  return wanted.length === 0 ? ALL_WAYS : [...new Set(wanted)];
}
