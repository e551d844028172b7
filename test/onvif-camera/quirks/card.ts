export interface CardQuirks {
  /** The card's times are local time of a zone with this offset, as if it were UTC. */
  cardZoneMs?: number;
  /** The zone's clock is set by `byMs` at `atMs` (Unix milliseconds): daylight saving. With `cardZoneMs`. */
  cardClockChange?: { readonly atMs: number; readonly byMs: number };
  /** The card lists files of this length, which overlap by a part of it; otherwise it lists one recording. */
  cardFiles?: { readonly everyMs: number; readonly overlapMs: number };
  /** A recorder: the card has these channels, each with a part of its time, by the machine's clock. */
  cardChannels?: readonly { readonly name: string; readonly fromMs: number; readonly untilMs: number }[];
  cardHasNoSound?: boolean;
  /** The card has the camera's second stream, or both under one source, in this order. With `sub` of the card. */
  cardStream?: 'sub' | 'main, sub' | 'sub, main';
  /** A search begins with the newest recording. */
  cardNewestFirst?: boolean;
  /** Recordings in each page of a search. */
  cardPage?: number;
  /** Empty pages before the first result: the camera is still searching. */
  cardSearches?: number;
  /** A search has no end: all pages are the first one. */
  cardSearchRepeats?: boolean;
  /** Files are listed once they are closed. With `cardFiles`. */
  cardListsClosedFiles?: boolean;
  /** Times are not stated in the list of recordings, or only those of their tracks. */
  cardListsNoTimes?: 'but of tracks' | 'at all';
  /** Host in the address of the replay. */
  replayHost?: string;
  /** This many times real time, whatever PLAY asks for; 0.5 is half of it. */
  replayPace?: number;
  /** RTSP sessions that are refused with 453, as if the live stream held the last one. */
  replaysRefused?: number;
  /** The camera has one RTSP session: while the live stream has it, a replay is refused with 453, or ends the live stream. */
  oneSession?: 'refuses' | 'endsLive';
  /** PLAY with one of these header fields is answered with 551. */
  replayLacks?: readonly ('Immediate' | 'Rate-Control' | 'Require')[];
  /** Replay begins this much after the time asked for. */
  replayBeginsLateMs?: number;
  /** Replay ends without a flag, without BYE, and the connection stays. */
  replayEndsSilently?: boolean;
  /** Replays stop after these many pictures, one after the other, and the connection stays. */
  replayStalls?: number[];
  /** A picture that is not sent, by its number in each replay, one replay after the other. */
  replayLoses?: number[];
  /** Bytes of RTP that are sent before the answer to PLAY. */
  replayHastens?: number;
  /** This request of a replay is answered with 302, and this address. */
  replayRedirects?: { readonly method: 'DESCRIBE' | 'SETUP' | 'PLAY'; readonly location: string };
  /** Status of the answer to PLAY. */
  replayAnswers?: number;
  /** Nothing is sent after the answer to PLAY. */
  replaySendsNothing?: boolean;
  /** The connection breaks after this many pictures, this many times. */
  replayBreaks?: { readonly afterPictures: number; times: number };
  /** When packets have the header extension; default: where PLAY requires `onvif-replay`. */
  replayTimes?: 'always' | 'never';
  /** The header extension is only on the first packet of each picture. */
  replaySparesExtension?: boolean;
}
