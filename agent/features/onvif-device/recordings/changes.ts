import type { OnvifTopic } from '../../../base/event-kinds.ts';
import type { StreamToken } from '../server/contract.ts';
import { sourceOf, TOPICS, topicsOf } from '../server/topics.ts';
import { type Recorded, type RecordedStore, trackTokens } from './recorded-cameras.ts';

/** Events read and changes kept in one step; a window with more is halved. */
const EVENTS_AT_ONCE = 200;
const CHANGES_AT_ONCE = 200;
/** Times of events have milliseconds. */
const MIN_STEP_US = 1_000;
/** The last recorded range goes on if it ends this long before now. */
const GROWING_US = 60_000_000;

/** A change of a property of a recording. */
export interface Change {
  readonly token: StreamToken;
  readonly track: string;
  /** Unix microseconds. */
  readonly us: number;
  /** Below tns1. */
  readonly topic: string;
  readonly source: Readonly<Record<string, string>>;
  readonly data: readonly [name: string, value: string];
}

/** Topics of recordings (ONVIF Recording Search, §5.21). */
const RECORDING_STATE = 'RecordingHistory/Recording/State';
const TRACK_STATE = 'RecordingHistory/Track/State';

interface Window {
  readonly fromUs: number;
  readonly toUs: number;
}

type Passes = (topic: string) => boolean;

/** Changes within [fromUs, toUs), oldest first; undefined: there are too many for one step. */
export async function changesIn(
  all: readonly Recorded[],
  store: RecordedStore,
  { fromUs, toUs }: Window,
  passes: Passes,
  nowUs: number,
): Promise<readonly Change[] | undefined> {
  const changes: Change[] = [];
  const isShort = toUs - fromUs <= MIN_STEP_US;
  for (const recorded of all) {
    // One microsecond more: ends that are cut are no ends.
    for (const { startUs, durationUs } of await store.spans(recorded.path, fromUs - 1, toUs + 1)) {
      const endUs = startUs + durationUs;
      const goesOn = recorded.isRecording && endUs >= recorded.toUs && endUs > nowUs - GROWING_US;
      for (const [us, isOn, isReal] of [
        [startUs, true, true],
        [endUs, false, !goesOn],
      ] as const) {
        if (isReal && us >= fromUs && us < toUs) {
          changes.push(...states(recorded, us, isOn, passes));
        }
      }
      if (changes.length > CHANGES_AT_ONCE && !isShort) {
        return undefined;
      }
    }
    const events = store.events(recorded.camera.path, fromUs, toUs, EVENTS_AT_ONCE);
    if (events.length === EVENTS_AT_ONCE && !isShort) {
      return undefined;
    }
    for (const event of events) {
      for (const topic of topicsOf(event)) {
        for (const [ms, isOn] of [
          [event.startMs, true],
          [event.endMs, false],
        ] as const) {
          const us = (ms ?? Number.NaN) * 1000;
          if (us >= fromUs && us < toUs && passes(topic.path)) {
            changes.push(ofEvent(recorded, topic, us, isOn));
          }
        }
      }
      if (changes.length > CHANGES_AT_ONCE && !isShort) {
        return undefined;
      }
    }
  }
  return changes.sort((one, other) => one.us - other.us);
}

/** The state of all properties at a time. */
export async function stateAt(
  all: readonly Recorded[],
  store: RecordedStore,
  us: number,
  passes: Passes,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (const recorded of all) {
    const isRecorded = (await store.spans(recorded.path, us, us + 1)).length > 0;
    changes.push(...states(recorded, us, isRecorded, passes));
    const running = store.events(recorded.camera.path, us, us, EVENTS_AT_ONCE);
    for (const topic of TOPICS.filter(({ path }) => passes(path))) {
      const isOn = running.some((event) => topicsOf(event).includes(topic));
      changes.push(ofEvent(recorded, topic, us, isOn));
    }
  }
  return changes;
}

function states(recorded: Recorded, us: number, isOn: boolean, passes: Passes): Change[] {
  const { token } = recorded;
  const tracks = trackTokens(recorded);
  const value = String(isOn);
  const ofRecording: Change = {
    ...{ token, track: tracks[0] ?? '', us, topic: RECORDING_STATE },
    source: { RecordingToken: token },
    data: ['IsRecording', value],
  };
  const ofTracks = tracks.map(
    (track): Change => ({
      ...{ token, track, us, topic: TRACK_STATE },
      source: { RecordingToken: token, Track: track },
      data: ['IsDataPresent', value],
    }),
  );
  return [ofRecording, ...ofTracks].filter(({ topic }) => passes(topic));
}

const ofEvent = (recorded: Recorded, topic: OnvifTopic, us: number, isOn: boolean): Change => ({
  ...{ token: recorded.token, track: trackTokens(recorded)[0] ?? '', us, topic: topic.path },
  source: sourceOf(topic),
  data: [topic.state, String(isOn)],
});
