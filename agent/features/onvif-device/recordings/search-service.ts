import type { Clock } from '../../../base/clock.ts';
import { DAY_US } from '../../../base/time/units.ts';
import { elements, escapeXml, find, findNumber, findText, localName } from '../../../onvif/soap/xml/xml.ts';
import type { Call, OnvifSource, Operations } from '../server/contract.ts';
import { durationFrom } from '../server/durations.ts';
import { capabilities, SERVICE_CAPABILITIES } from '../server/service-capabilities.ts';
import { fault, tag } from '../server/soap.ts';
import { topicFilter } from '../server/topics.ts';
import { type Change, changesIn, stateAt } from './changes.ts';
import {
  findRecorded,
  type Recorded,
  type RecordedStore,
  recordedOf,
  recordingInformation,
  timeText,
  trackInformation,
  trackType,
} from './recorded-cameras.ts';
import { Searches, type SearchPage } from './searches.ts';

const KEEP = { usual: 60_000, min: 10_000, max: 600_000 };
/** Most results of one request. */
const PAGE = 100;
/** Steps of one request: the client asks again. */
const STEPS = 32;
const FIRST_STEP_US = 3_600_000_000;
/** The next step is longer after one with fewer. */
const FEW_CHANGES = 25;
const USUAL_FPS = 25;
const CONCRETE_SET = 'http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet';
/** ONVIF's enumerations have no others. */
const VIDEO: Readonly<Record<string, string>> = { mjpeg: 'JPEG', 'mpeg4-video': 'MPEG4' };
const AUDIO: Readonly<Record<string, string>> = { g711: 'G711', g726: 'G726' };

interface SearchDeps {
  readonly source: Pick<OnvifSource, 'facts'>;
  readonly store: RecordedStore;
  readonly clock: Clock;
}

/** The recording search service (ONVIF Recording Search). */
export function searchOperations({ source, store, clock }: SearchDeps): Operations {
  const searches = new Searches(clock);
  const nowUs = () => clock.wallMs() * 1000;
  const keepMs = ({ body }: Call) => durationFrom(findText(body, 'KeepAliveTime'), clock.wallMs(), KEEP);
  const results = async (call: Call, kind: 'recordings' | 'events', operation: string): Promise<string> => {
    const search = searches.find(call, findText(call.body, 'SearchToken'), kind);
    const limit = Math.min(PAGE, Math.max(1, findNumber(call.body, 'MaxResults') ?? PAGE));
    const page = await search.next(limit);
    const state = tag('tt:SearchState', page.isComplete ? 'Completed' : 'Searching');
    return reply(operation, `<tse:ResultList>${state}${page.results.join('')}</tse:ResultList>`);
  };
  return {
    'tse:GetServiceCapabilities': { isOpen: true, answer: () => capabilities('tse', SERVICE_CAPABILITIES.search) },
    'tse:GetRecordingSummary': {
      answer: async (call) => {
        const all = await recordedOf(call, store);
        const from = all.reduce((least, { fromUs }) => Math.min(least, fromUs), nowUs());
        const until = all.reduce((most, { toUs }) => Math.max(most, toUs), from);
        const times = tag('tt:DataFrom', timeText(from)) + tag('tt:DataUntil', timeText(until));
        return reply(
          'GetRecordingSummary',
          `<tse:Summary>${times}${tag('tt:NumberRecordings', all.length)}</tse:Summary>`,
        );
      },
    },
    'tse:GetRecordingInformation': {
      answer: async (call) => {
        const recorded = await findRecorded(call, store, findText(call.body, 'RecordingToken'));
        const content = recordingInformation(recorded, call);
        return reply('GetRecordingInformation', `<tse:RecordingInformation>${content}</tse:RecordingInformation>`);
      },
    },
    'tse:GetMediaAttributes': {
      answer: async (call) => {
        const us = timeOf(call, 'Time');
        const wanted = texts(call, 'RecordingTokens');
        const all = (await recordedOf(call, store)).filter(
          ({ token }) => wanted.length === 0 || wanted.includes(token),
        );
        const parts: string[] = [];
        for (const recorded of all) {
          const [span] = await store.spans(recorded.path, us, us + 1);
          parts.push(span ? mediaAttributes(recorded, us, source.facts(recorded.path).fps ?? USUAL_FPS) : '');
        }
        return reply('GetMediaAttributes', parts.join(''));
      },
    },
    'tse:FindRecordings': {
      answer: async (call) => {
        const found = scoped(await recordedOf(call, store), call);
        const left = found.slice(0, matchesOf(call)).map((one) => {
          const content = recordingInformation(one, call);
          return `<tt:RecordingInformation>${content}</tt:RecordingInformation>`;
        });
        const next = async (limit: number): Promise<SearchPage> => {
          const page = left.splice(0, limit);
          return { results: page, isComplete: left.length === 0 };
        };
        const token = searches.start(call, { kind: 'recordings', keepMs: keepMs(call), next, reachedUs: nowUs });
        return reply('FindRecordings', tag('tse:SearchToken', token));
      },
    },
    'tse:GetRecordingSearchResults': {
      answer: (call) => results(call, 'recordings', 'GetRecordingSearchResults'),
    },
    'tse:FindEvents': {
      answer: async (call) => {
        const search = new EventSearch(scoped(await recordedOf(call, store), call), store, call, nowUs());
        const next = (limit: number) => search.next(limit);
        const reachedUs = () => search.reachedUs;
        const token = searches.start(call, { kind: 'events', keepMs: keepMs(call), next, reachedUs });
        return reply('FindEvents', tag('tse:SearchToken', token));
      },
    },
    'tse:GetEventSearchResults': { answer: (call) => results(call, 'events', 'GetEventSearchResults') },
    'tse:GetSearchState': {
      answer: (call) => {
        const { isComplete } = searches.find(call, findText(call.body, 'SearchToken'));
        return reply('GetSearchState', tag('tse:State', isComplete ? 'Completed' : 'Searching'));
      },
    },
    'tse:EndSearch': {
      answer: (call) => {
        const search = searches.find(call, findText(call.body, 'SearchToken'));
        searches.end(search);
        return reply('EndSearch', tag('tse:Endpoint', timeText(search.reachedUs())));
      },
    },
  };
}

interface Found {
  readonly change: Change;
  readonly isStartState: boolean;
}

/** Walks through the changes of a range in steps, forward or, if the end is before the start, backward. */
class EventSearch {
  readonly #all: readonly Recorded[];
  readonly #store: RecordedStore;
  readonly #passes: (topic: string) => boolean;
  readonly #isBackward: boolean;
  readonly #endUs: number;
  readonly #nowUs: number;
  #wantsState: boolean;
  #left: number;
  #stepUs = FIRST_STEP_US;
  /** At most one step and the rest of a page. */
  #pending: Found[] = [];
  /** Unix microseconds. */
  reachedUs: number;

  constructor(all: readonly Recorded[], store: RecordedStore, call: Call, nowUs: number) {
    const startUs = timeOf(call, 'StartPoint');
    const endUs = findText(call.body, 'EndPoint') === undefined ? nowUs : timeOf(call, 'EndPoint');
    this.#all = all;
    this.#store = store;
    this.#passes = topicFilter(findText(call.body, 'SearchFilter', 'TopicExpression'));
    this.#isBackward = endUs < startUs;
    const latestUs = all.reduce((most, { toUs }) => Math.max(most, toUs), 0) + 1;
    const earliestUs = all.reduce((least, { fromUs }) => Math.min(least, fromUs), latestUs);
    // Nothing is outside of the recordings.
    const within = (us: number) => Math.min(Math.max(us, earliestUs), latestUs);
    this.reachedUs = within(startUs);
    this.#endUs = within(endUs);
    this.#nowUs = nowUs;
    this.#wantsState = /^(?:true|1)$/.test(findText(call.body, 'IncludeStartState') ?? '');
    this.#left = matchesOf(call);
  }

  async next(limit: number): Promise<SearchPage> {
    const most = Math.min(limit, this.#left);
    if (this.#wantsState) {
      this.#wantsState = false;
      const state = await stateAt(this.#all, this.#store, this.reachedUs, this.#passes);
      this.#pending.push(...state.map((change) => ({ change, isStartState: true })));
    }
    for (let step = 0; step < STEPS && this.#pending.length < most && !this.#isAtEnd; step += 1) {
      await this.#step();
    }
    const results = this.#pending.splice(0, most).map(eventResult);
    this.#left -= results.length;
    return { results, isComplete: this.#left === 0 || (this.#pending.length === 0 && this.#isAtEnd) };
  }

  get #isAtEnd(): boolean {
    return this.#isBackward ? this.reachedUs <= this.#endUs : this.reachedUs >= this.#endUs;
  }

  async #step(): Promise<void> {
    const at = this.reachedUs;
    const to = this.#isBackward ? Math.max(this.#endUs, at - this.#stepUs) : Math.min(this.#endUs, at + this.#stepUs);
    const window = { fromUs: Math.min(at, to), toUs: Math.max(at, to) };
    const changes = await changesIn(this.#all, this.#store, window, this.#passes, this.#nowUs);
    if (!changes) {
      this.#stepUs /= 2;
      return;
    }
    this.#stepUs = Math.min(32 * DAY_US, this.#stepUs * (changes.length < FEW_CHANGES ? 4 : 1));
    const ordered = this.#isBackward ? changes.toReversed() : changes;
    this.#pending.push(...ordered.map((change) => ({ change, isStartState: false })));
    this.reachedUs = to;
  }
}

const reply = (operation: string, content: string): string =>
  `<tse:${operation}Response>${content}</tse:${operation}Response>`;

/** Unix microseconds. @throws PerchError a fault */
function timeOf({ body }: Call, name: string): number {
  const text = findText(body, name) ?? '';
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw fault(`${name} '${text.slice(0, 40)}' is not a time`, 'InvalidArgVal');
  }
  return ms * 1000;
}

const matchesOf = ({ body }: Call): number => {
  const most = findNumber(body, 'MaxMatches') ?? 0;
  return most > 0 ? most : Number.POSITIVE_INFINITY;
};

const texts = ({ body }: Call, name: string, ...path: readonly string[]): readonly string[] =>
  elements(path.length === 0 ? body : find(body, ...path))
    .filter((element) => localName(element) === name)
    .map((element) => element.text.trim());

/** Those in the search scope: its recordings, sources, and tracks that its filter names. */
function scoped(all: readonly Recorded[], call: Call): readonly Recorded[] {
  const tokens = texts(call, 'IncludedRecordings', 'Scope');
  const filter = findText(call.body, 'Scope', 'RecordingInformationFilter') ?? '';
  const types = [...filter.matchAll(/TrackType\s*=\s*["'](\w{1,20})["']/g)].map(([, type]) => type);
  return all.filter(
    ({ token, tracks }) =>
      (tokens.length === 0 || tokens.includes(token)) &&
      (types.length === 0 || tracks.some((track) => types.includes(trackType(track)))),
  );
}

function mediaAttributes(recorded: Recorded, us: number, fps: number): string {
  const tracks = recorded.tracks.map((track, i) => {
    const video =
      track.kind === 'video'
        ? `<tt:VideoAttributes>${tag('tt:Width', track.width)}${tag('tt:Height', track.height)}` +
          `${tag('tt:Encoding', VIDEO[track.codec] ?? 'H264')}${tag('tt:Framerate', fps)}</tt:VideoAttributes>`
        : '';
    const audio =
      track.kind === 'audio'
        ? `<tt:AudioAttributes>${tag('tt:Encoding', AUDIO[track.codec] ?? 'AAC')}${tag('tt:Samplerate', track.clockRate)}</tt:AudioAttributes>`
        : '';
    const information = `<tt:TrackInformation>${trackInformation(recorded, track, i)}</tt:TrackInformation>`;
    return `<tt:TrackAttributes>${information}${video}${audio}</tt:TrackAttributes>`;
  });
  return (
    `<tse:MediaAttributes>${tag('tt:RecordingToken', recorded.token)}${tracks.join('')}` +
    `${tag('tt:From', timeText(us))}${tag('tt:Until', timeText(us))}</tse:MediaAttributes>`
  );
}

function eventResult({ change, isStartState }: Found): string {
  const { token, track, us, topic, source, data } = change;
  const items = Object.entries(source).map(([name, value]) => simpleItem(name, value));
  const operation = isStartState ? 'Initialized' : 'Changed';
  return (
    `<tt:Result>${tag('tt:RecordingToken', token)}${tag('tt:TrackToken', track)}${tag('tt:Time', timeText(us))}` +
    `<tt:Event><wsnt:Topic Dialect="${CONCRETE_SET}">tns1:${topic}</wsnt:Topic><wsnt:Message>` +
    `<tt:Message UtcTime="${timeText(us)}" PropertyOperation="${operation}"><tt:Source>${items.join('')}</tt:Source>` +
    `<tt:Data>${simpleItem(...data)}</tt:Data></tt:Message></wsnt:Message></tt:Event>` +
    `${tag('tt:StartStateEvent', isStartState)}</tt:Result>`
  );
}

const simpleItem = (name: string, value: string): string =>
  `<tt:SimpleItem Name="${name}" Value="${escapeXml(value)}"/>`;
