import type { FailureKind, PlayError, Technology } from './session/live-session.ts';
import type { Source } from './session/source.ts';

/** In order of preference. */
export const ALL_TECHNOLOGIES: readonly Technology[] = ['WebRTC', 'MSE', 'HLS'];

/** A technology that was not used. */
export interface SkippedTechnology {
  readonly technology: Technology;
  /** `unwanted`: not tried. */
  readonly kind: FailureKind | 'unwanted';
  readonly reason: string;
}

export interface TechnologyChoice {
  /** Permitted technologies, in order. */
  readonly wanted: readonly Technology[];
  readonly source: Pick<Source, 'whep' | 'mse' | 'hls'>;
  /** Media failed a moment ago: it is tried last. */
  readonly isWebRtcBlocked: boolean;
  /** Audio is on, and WebRTC cannot carry it. */
  readonly needsSound: boolean;
}

interface TechnologyPlan {
  readonly order: readonly Technology[];
  readonly passed: readonly SkippedTechnology[];
}

/** The order of attempts, and what was skipped or postponed. */
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

/** Whether another technology may succeed. HLS has the same decoders as MSE. */
export function isWorthTrying(technology: Technology, failures: ReadonlyMap<Technology, PlayError>): boolean {
  return !(technology === 'HLS' && failures.get('MSE')?.kind === 'codec');
}

/** Every technology would fail. */
export const isFinal = ({ kind }: PlayError): boolean => kind !== 'codec' && kind !== 'transport';

/** The attribute `ways`, such as `webrtc mse hls`. Unknown words are ignored. */
export function parseTechnologies(text: string | null): readonly Technology[] {
  const names = (text ?? '').toLowerCase().split(/[\s,]+/);
  const wanted = names.flatMap((name) => ALL_TECHNOLOGIES.filter((technology) => technology.toLowerCase() === name));
  return wanted.length === 0 ? ALL_TECHNOLOGIES : [...new Set(wanted)];
}
