import type { HlsRendition, MediaPlaylist } from '../contracts/hls-muxer.ts';
import { type WrittenLines, writeMediaPlaylist } from '../playlist/write-media.ts';
import type { Directives } from './directives.ts';
import { gzipText } from './gzip-text.ts';

/** A playlist text, shared by equal requests. ASCII. */
export interface PlaylistBody {
  readonly plain: string;
  /** Shared with the next request for the same query. */
  readonly isKept: boolean;
  gzip(): string;
}

/** `_HLS_skip`; `opening`: no directive, so a player may start with it. */
type PlaylistForm = Directives['skip'] | 'opening';

export const playlistFormOf = ({ msn, skip }: Directives): PlaylistForm =>
  msn === undefined && skip === 'no' ? 'opening' : skip;

/** Placeholder for the query; no file name contains it. */
const QUERY_MARK = '?__query__';
/** Cached queries that are not a viewer's own, such as a shared token. Texts for more are written again each time. */
const MAX_QUERIES = 16;
/** The lines of all playlists, without a query and with its placeholder. */
interface Lines {
  readonly plain: WrittenLines;
  readonly marked: WrittenLines;
}

/** The texts of one playlist: written once, then joined with each request's query. */
class Texts {
  readonly #lines: Lines;
  /** The text between the placeholders. */
  readonly #gaps = new Map<PlaylistForm, readonly string[]>();
  readonly #bodies = new Map<string, PlaylistBody>();

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  text(rendition: HlsRendition, others: readonly HlsRendition[], wanted: PlaylistForm, query: string): string {
    if (query === '') {
      return write(rendition, others, wanted, '', this.#lines.plain);
    }
    let gaps = this.#gaps.get(wanted);
    if (gaps === undefined) {
      gaps = write(rendition, others, wanted, QUERY_MARK, this.#lines.marked).split(QUERY_MARK);
      this.#gaps.set(wanted, gaps);
    }
    return gaps.join(query);
  }

  body(key: string, text: () => string, isShared: boolean): PlaylistBody {
    const known = this.#bodies.get(key);
    if (known) {
      return known;
    }
    const isKept = isShared && this.#bodies.size < MAX_QUERIES;
    const body = bodyOf(text(), isKept);
    if (isKept) {
      this.#bodies.set(key, body);
    }
    return body;
  }
}

function write(
  rendition: HlsRendition,
  others: readonly HlsRendition[],
  wanted: PlaylistForm,
  query: string,
  written: WrittenLines,
): string {
  const isOpening = wanted === 'opening';
  const skip = isOpening ? 'no' : wanted;
  return writeMediaPlaylist(rendition.playlist as MediaPlaylist, { query, skip, isOpening, others, written });
}

/** ASCII: everything else is percent-encoded. */
function bodyOf(plain: string, isKept: boolean): PlaylistBody {
  let zipped: string | undefined;
  return {
    plain,
    isKept,
    gzip: () => {
      zipped ??= gzipText(plain);
      return zipped;
    },
  };
}

/** The texts of all current playlists. */
export class PlaylistTexts {
  readonly #texts = new WeakMap<MediaPlaylist, Texts>();
  readonly #lines: Lines = { plain: new WeakMap(), marked: new WeakMap() };

  /**
   * @param rendition with a playlist
   * @param query safe in a playlist
   * @param isShared other requests may have the same query
   */
  body(
    rendition: HlsRendition,
    renditions: readonly HlsRendition[],
    wanted: PlaylistForm,
    query: string,
    isShared: boolean,
  ): PlaylistBody {
    const texts = this.#of(rendition.playlist as MediaPlaylist);
    const write = () => this.text(rendition, renditions, wanted, query);
    return texts.body(wanted + query, write, isShared);
  }

  text(rendition: HlsRendition, renditions: readonly HlsRendition[], wanted: PlaylistForm, query: string): string {
    const others = renditions.filter((other) => other !== rendition);
    return this.#of(rendition.playlist as MediaPlaylist).text(rendition, others, wanted, query);
  }

  #of(playlist: MediaPlaylist): Texts {
    let texts = this.#texts.get(playlist);
    if (texts === undefined) {
      texts = new Texts(this.#lines);
      this.#texts.set(playlist, texts);
    }
    return texts;
  }
}
