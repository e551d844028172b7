import { escapeXml } from '../../../agent/onvif/soap/xml/xml.ts';
import { type Call, Fault, numberOf, type Operations, SERVICES } from '../call.ts';
import type { ListedRecording, SdCard } from '../card/sd-card.ts';
import type { CameraState } from '../state.ts';

const answer = (prefix: 'tse' | 'trc' | 'trp', operation: string, inner = ''): string => {
  const namespace = { tse: SERVICES.search, trc: SERVICES.recording, trp: SERVICES.replay }[prefix];
  return `<${prefix}:${operation}Response xmlns:${prefix}="${namespace}">${inner}</${prefix}:${operation}Response>`;
};
const iso = (ms: number): string => new Date(ms).toISOString();
const listed = (state: CameraState, card: SdCard) => card.recordings(state.quirks, state.clockOffsetMs);
const sourceOf = ({ name = 'Camera' }: ListedRecording) =>
  `<tt:SourceId>http://www.onvif.org/ver10/schema/Profile</tt:SourceId><tt:Name>${escapeXml(name)}</tt:Name>` +
  '<tt:Location/><tt:Description/><tt:Address/>';

interface Search {
  readonly found: readonly ListedRecording[];
  next: number;
  emptyPages: number;
}

/** Recording Search service. */
export function searchOperations(state: CameraState, card: SdCard): Operations {
  const { quirks } = state;
  const searches = new Map<string, Search>();
  let count = 0;
  const searchOf = (call: Call): Search => {
    const search = searches.get(call.argument('SearchToken') ?? '');
    if (!search) {
      throw new Fault('InvalidToken', 'no search of this token');
    }
    return search;
  };
  return {
    GetServiceCapabilities: () =>
      answer('tse', 'GetServiceCapabilities', '<tse:Capabilities MetadataSearch="false" GeneralStartEvents="false"/>'),
    GetRecordingSummary: () => {
      const all = listed(state, card);
      const times = all.length > 0 ? [all[0]?.fromMs ?? 0, all.at(-1)?.untilMs ?? 0] : [0, 0];
      return answer(
        'tse',
        'GetRecordingSummary',
        `<tse:Summary><tt:DataFrom>${iso(times[0] ?? 0)}</tt:DataFrom><tt:DataUntil>${iso(times[1] ?? 0)}</tt:DataUntil>` +
          `<tt:NumberRecordings>${all.length}</tt:NumberRecordings></tse:Summary>`,
      );
    },
    GetRecordingInformation: (call) => {
      const one = listed(state, card).find(({ token }) => token === call.argument('RecordingToken'));
      if (!one) {
        throw new Fault('InvalidToken', 'no recording of this token');
      }
      return answer('tse', 'GetRecordingInformation', information(state, card, one, 'tse:RecordingInformation'));
    },
    FindRecordings: () => {
      count += 1;
      searches.set(`search-${count}`, {
        found: quirks.cardNewestFirst ? listed(state, card).reverse() : listed(state, card),
        next: 0,
        emptyPages: quirks.cardSearches ?? 0,
      });
      return answer('tse', 'FindRecordings', `<tse:SearchToken>search-${count}</tse:SearchToken>`);
    },
    GetRecordingSearchResults: (call) => {
      const search = searchOf(call);
      const isSearching = search.emptyPages > 0;
      search.emptyPages -= 1;
      const size = Math.min(quirks.cardPage ?? 100, numberOf(call.argument('MaxResults')) ?? 100);
      const page = isSearching ? [] : search.found.slice(search.next, search.next + size);
      search.next += quirks.cardSearchRepeats ? 0 : page.length;
      const isOver = !isSearching && !quirks.cardSearchRepeats && search.next >= search.found.length;
      return answer(
        'tse',
        'GetRecordingSearchResults',
        `<tse:ResultList><tt:SearchState>${isOver ? 'Completed' : 'Searching'}</tt:SearchState>` +
          page.map((one) => information(state, card, one, 'tt:RecordingInformation')).join('') +
          '</tse:ResultList>',
      );
    },
    EndSearch: (call) => {
      searchOf(call);
      searches.delete(call.argument('SearchToken') ?? '');
      return answer('tse', 'EndSearch', `<tse:Endpoint>${iso(state.nowMs())}</tse:Endpoint>`);
    },
  };
}

function information(state: CameraState, card: SdCard, one: ListedRecording, element: string): string {
  const { quirks } = state;
  const track = (token: string, type: string) =>
    `<tt:Track><tt:TrackToken>${token}</tt:TrackToken><tt:TrackType>${type}</tt:TrackType><tt:Description/>` +
    (quirks.cardListsNoTimes === 'at all'
      ? '</tt:Track>'
      : `<tt:DataFrom>${iso(one.fromMs)}</tt:DataFrom><tt:DataTo>${iso(one.untilMs)}</tt:DataTo></tt:Track>`);
  const times = quirks.cardListsNoTimes
    ? ''
    : `<tt:EarliestRecording>${iso(one.fromMs)}</tt:EarliestRecording><tt:LatestRecording>${iso(one.untilMs)}</tt:LatestRecording>`;
  return (
    `<${element}><tt:RecordingToken>${one.token}</tt:RecordingToken><tt:Source>${sourceOf(one)}</tt:Source>${times}<tt:Content/>` +
    `${track('VIDEO', 'Video')}${quirks.cardHasNoSound ? '' : track('AUDIO', 'Audio')}` +
    `<tt:RecordingStatus>${card.isRecording ? 'Recording' : 'Stopped'}</tt:RecordingStatus></${element}>`
  );
}

/** Recording Control service, as far as a client reads it. */
export function recordingOperations(state: CameraState, card: SdCard): Operations {
  return {
    GetServiceCapabilities: () =>
      answer('trc', 'GetServiceCapabilities', '<trc:Capabilities DynamicRecordings="false" Encoding="H264 G711"/>'),
    GetRecordings: () =>
      answer(
        'trc',
        'GetRecordings',
        listed(state, card)
          .map(
            (one) =>
              `<trc:RecordingItem><tt:RecordingToken>${one.token}</tt:RecordingToken><tt:Configuration><tt:Source>${sourceOf(one)}</tt:Source>` +
              '<tt:Content/><tt:MaximumRetentionTime>PT0S</tt:MaximumRetentionTime></tt:Configuration><tt:Tracks/></trc:RecordingItem>',
          )
          .join(''),
      ),
  };
}

/** Replay Control service. */
export function replayOperations(state: CameraState, card: SdCard): Operations {
  return {
    GetServiceCapabilities: () =>
      answer(
        'trp',
        'GetServiceCapabilities',
        '<trp:Capabilities ReversePlayback="false" SessionTimeoutRange="10 100" RTP_RTSP_TCP="true"/>',
      ),
    GetReplayUri: (call) => {
      const token = call.argument('RecordingToken') ?? '';
      if (!listed(state, card).some((one) => one.token === token)) {
        throw new Fault('InvalidToken', 'no recording of this token');
      }
      const host = state.quirks.replayHost ?? (call.host.includes(':') ? `[${call.host}]` : call.host);
      const uri = escapeXml(`rtsp://${host}:${state.replayPort}/replay/${token}?source=card`);
      return answer('trp', 'GetReplayUri', `<trp:Uri>${uri}</trp:Uri>`);
    },
  };
}
