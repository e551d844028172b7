import type { FailureKind, PlayError, Technology } from './session/live-session.ts';
import type { Source } from './session/source.ts';

/** The best one first. */
export const ALL_TECHNOLOGIES: readonly Technology[] = ['WebRTC', 'MSE', 'HLS'];

/** A way that was not taken. */
export interface SkippedTechnology {
  readonly technology: Technology;
  /** `unwanted`: it was not even tried. */
  readonly kind: FailureKind | 'unwanted';
  readonly reason: string;
}

export interface TechnologyChoice {
  /** What may be used, in this order. */
  readonly wanted: readonly Technology[];
  readonly source: Pick<Source, 'whep' | 'mse' | 'hls'>;
  /** Media did not come through a moment ago: it is tried last. */
  readonly isWebRtcBlocked: boolean;
  /** Somebody wants to hear the sound, which WebRTC does not carry. */
  readonly needsSound: boolean;
}

interface TechnologyPlan {
  readonly order: readonly Technology[];
  readonly passed: readonly SkippedTechnology[];
}

/** Which ways are tried one after the other, and why others, or the best one at first, are not. */
export function planTechnologies({ wanted, source, isWebRtcBlocked, needsSound }: TechnologyChoice): TechnologyPlan {
  const addresses: Record<Technology, string | undefined> = { WebRTC: source.whep, MSE: source.mse, HLS: source.hls };
  const order = wanted.filter((technology) => addresses[technology] !== undefined);
  const passed: SkippedTechnology[] = wanted
    .filter((technology) => !order.includes(technology))
    .map((technology) => ({ technology, kind: 'unwanted', reason: 'it is not served here' }));
  const isLast = order.length > 1 && order.includes('WebRTC') && (isWebRtcBlocked || needsSound);
  if (!isLast) {
    return { order, passed };
  }
  const reason = needsSound ? "it does not carry this camera's sound" : 'its media did not come through a moment ago';
  return {
    order: [...order.filter((technology) => technology !== 'WebRTC'), 'WebRTC'],
    passed: [...passed, { technology: 'WebRTC', kind: 'unwanted', reason }],
  };
}

/** Whether what remains may do better. What Media Source cannot decode it cannot decode out of HLS either. */
export function isWorthTrying(technology: Technology, failures: ReadonlyMap<Technology, PlayError>): boolean {
  return !(technology === 'HLS' && failures.get('MSE')?.kind === 'codec');
}

/** The device would say no by any way, or does not answer at all: only time helps. */
export const isFinal = ({ kind }: PlayError): boolean => kind !== 'codec' && kind !== 'transport';

/** `webrtc mse hls` as it stands in an attribute; what it does not know it leaves out. */
export function parseTechnologies(text: string | null): readonly Technology[] {
  const names = (text ?? '').toLowerCase().split(/[\s,]+/);
  const wanted = names.flatMap((name) => ALL_TECHNOLOGIES.filter((technology) => technology.toLowerCase() === name));
  return wanted.length === 0 ? ALL_TECHNOLOGIES : [...new Set(wanted)];
}
