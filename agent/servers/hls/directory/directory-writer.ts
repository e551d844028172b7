import { mkdir } from 'node:fs/promises';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { HlsMuxer, HlsRendition } from '../contracts/hls-muxer.ts';
import { playlistName } from '../playlist/playlist-text.ts';
import { writeMediaPlaylist } from '../playlist/write-media.ts';
import { writeMultivariantPlaylist } from '../playlist/write-multivariant.ts';
import { removeEmptyFolders, removeFile, removeOurs, writeWhole } from './files.ts';

interface DirectoryWriterOptions {
  /** Root folder, which is never removed. */
  readonly root: string;
  readonly folder: string;
  readonly muxer: HlsMuxer;
  readonly hasPlaylists: boolean;
  readonly log: Logger;
  /** Runs `work`, which never fails, after all earlier work. */
  readonly inTurn: (work: () => Promise<void>) => void;
}

const INDEX = 'index.m3u8';

/** The files of one muxer in its folder. The backlog never exceeds what the muxer holds. */
export class DirectoryWriter {
  readonly #options: DirectoryWriterOptions;
  readonly #watched = new Set<HlsRendition>();
  /** Written segments and init files. */
  readonly #stored = new Set<string>();
  /** Written playlists by name. */
  readonly #playlists = new Map<string, string>();
  #isPrepared = false;
  #isWaiting = false;
  #isFailing = false;
  #isClosed = false;

  constructor(options: DirectoryWriterOptions) {
    this.#options = options;
    this.#wake();
  }

  /** Removes all files. */
  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    const { folder, root } = this.#options;
    this.#inTurn(async () => {
      for (const name of [...this.#playlists.keys(), ...this.#stored]) {
        await removeFile(folder, name);
      }
      await removeEmptyFolders(folder, root);
    });
  }

  #wake(): void {
    for (const rendition of this.#options.muxer.renditions) {
      if (!this.#watched.has(rendition)) {
        this.#watched.add(rendition);
        void this.#watch(rendition);
      }
    }
    if (!this.#isWaiting && !this.#isClosed) {
      this.#isWaiting = true;
      this.#inTurn(async () => {
        this.#isWaiting = false;
        if (!this.#isClosed) {
          await this.#store();
        }
      });
    }
  }

  async #watch(rendition: HlsRendition): Promise<void> {
    try {
      while (!this.#isClosed) {
        await rendition.changed();
        this.#wake();
      }
    } catch {
      // The muxer is closed.
    }
  }

  /** Called at the start and after each failure: the folder may have been removed. */
  async #prepare(): Promise<void> {
    if (!this.#isPrepared) {
      this.#stored.clear();
      this.#playlists.clear();
      await mkdir(this.#options.folder, { recursive: true });
      await removeOurs(this.#options.folder);
      this.#isPrepared = true;
    }
  }

  /** Media first, then the playlists that name it; unlisted files are removed last. */
  async #store(): Promise<void> {
    const { muxer, folder, hasPlaylists } = this.#options;
    await this.#prepare();
    const renditions = muxer.renditions.filter(({ playlist }) => playlist !== undefined);
    const texts = new Map<string, string>();
    for (const { name, playlist } of renditions) {
      for (const segment of playlist?.segments ?? []) {
        await this.#storeFile(segment.init?.name);
        await this.#storeFile(segment.isGap ? undefined : segment.name);
      }
      if (playlist && hasPlaylists) {
        texts.set(playlistName(name), writeMediaPlaylist(playlist, { query: '', skip: 'no', others: [] }));
      }
    }
    if (texts.size > 0) {
      texts.set(INDEX, writeMultivariantPlaylist(renditions, ''));
    }
    for (const [name, text] of texts) {
      if (this.#playlists.get(name) !== text) {
        await writeWhole(folder, name, [Buffer.from(text)]);
        this.#playlists.set(name, text);
      }
    }
    for (const name of this.#stored) {
      if (muxer.file(name) === undefined) {
        await removeFile(folder, name);
        this.#stored.delete(name);
      }
    }
  }

  async #storeFile(name: string | undefined): Promise<void> {
    const file = name === undefined || this.#stored.has(name) ? undefined : this.#options.muxer.file(name);
    if (!file) {
      return;
    }
    file.hold();
    try {
      await writeWhole(this.#options.folder, file.name, file.pieces);
      this.#stored.add(file.name);
    } finally {
      file.release();
    }
  }

  #inTurn(work: () => Promise<void>): void {
    this.#options.inTurn(async () => {
      try {
        await work();
        if (this.#isFailing) {
          this.#isFailing = false;
          this.#options.log.info('HLS is stored as files again');
        }
      } catch (error) {
        this.#isPrepared = false;
        if (!this.#isFailing) {
          this.#isFailing = true;
          this.#options.log.warn({ cause: explain(error) }, 'HLS cannot be stored in hlsDirectory');
        }
      }
    });
  }
}
