import { join } from 'node:path';
import type { HostRequests } from '../../system/host-requests.ts';
import { type MountedPlace, mountedPlaces, OWN_FOLDER } from '../../system/mounts.ts';
import { PerchError } from '../base/errors.ts';
import { DAY_MS } from '../base/time/units.ts';
import type { Context } from '../config/load/context.ts';
import { resolvePath } from '../config/load/load.ts';
import type { PathSettings } from '../config/schema/path.ts';
import type { MountedDisk } from '../http/api/device/storage-routes.ts';
import type { HeldFolder, PathBytes, PathSpan } from '../playback/index/space-table.ts';
import { RecordPathPattern } from '../record/file/record-path.ts';
import type { DiskStatus } from '../record/space/disks.ts';

/** Minimum time of observation before days are estimated from it. */
const MIN_OBSERVED_MS = 10 * 60_000;
/** `recordPath` below the chosen folder, so that recordings stay apart from other folders of the disk. */
const BELOW_PLACE = `${OWN_FOLDER}/%path/%Y-%m-%d_%H-%M-%S-%f`;

/** Disks that the host opens to Perch: where people and desktops mount them. */
const OPENED = /^\/(?:media|mnt|srv)\/./;
/** A disk may have to spin up: systemd ends the service after 60 s. */
const OPENING_MS = 65_000;

export interface StorageDeps extends Pick<Context, 'clock' | 'settings'> {
  readonly host: Pick<HostRequests, 'offers' | 'ask'>;
  readonly recordings: {
    names(): Promise<readonly string[]>;
    titleOf(path: string): string | undefined;
    readonly playback: {
      /** Why a file cannot be read now, or undefined if it is readable as far as known. */
      offlineReason(file: string): unknown;
      readonly space: {
        bytesOf(path: string): PathBytes;
        spanOf(path: string, sinceUs: number, nowUs: number): PathSpan;
        heldOutside(tops: readonly string[]): readonly HeldFolder[];
      };
    };
    readonly space: {
      list(): readonly DiskStatus[];
      deviceOf(folder: string): number | undefined;
      lastChosenMs(path: string): number | undefined;
    };
  };
  /** Mounted disks; default: those of the box. */
  readonly places?: () => Promise<readonly MountedPlace[]>;
}

interface PathUse {
  readonly path: string;
  readonly settings: PathSettings | undefined;
  readonly bytes: PathBytes;
  readonly firstUs: number | undefined;
  readonly bytesPerDay: number | undefined;
  /** Disk of its recordings, or undefined if the path is not recorded, or the disk is unknown. */
  readonly disk: string | undefined;
}

/** The space used by each camera, and disks that could be used. */
export class StorageUse {
  readonly #deps: StorageDeps;

  constructor(deps: StorageDeps) {
    this.#deps = deps;
  }

  async use() {
    const { recordings, clock, settings } = this.#deps;
    const configured = [...settings().paths.values()].filter(
      (entry) => !entry.pattern && entry.settings?.record !== 'no',
    );
    const names = new Set([...(await recordings.names()), ...configured.map(({ name }) => name)]);
    const uses = [...names].sort().map((name) => this.#useOf(name));
    const fits = this.#daysByDisk(uses);
    const firstUs = Math.min(...uses.map((use) => use.firstUs ?? Number.POSITIVE_INFINITY));
    const ageDays = (us: number | undefined) =>
      us === undefined || !Number.isFinite(us) ? null : roundDays((clock.wallMs() - us / 1000) / DAY_MS);
    return {
      bytes: uses.reduce((sum, { bytes }) => sum + bytes.bytes, 0),
      bytesPerDay: this.#rateOf(uses, recordings.space.list()) ?? null,
      reachesBackDays: ageDays(firstUs),
      items: uses.map((use) => ({
        path: use.path,
        title: recordings.titleOf(use.path) ?? null,
        configured: use.settings !== undefined,
        files: use.bytes.files,
        bytes: use.bytes.bytes,
        bytesPerDay: use.bytesPerDay ?? null,
        reachesBackDays: ageDays(use.firstUs),
        wantedDays: wantedDays(use.settings?.recordDeleteAfterMs ?? recordings.space.lastChosenMs(use.path)),
        fitsDays: fitsDays(use, fits) ?? null,
      })),
    };
  }

  async places(): Promise<MountedDisk[]> {
    const { clock, settings, recordings, places = () => mountedPlaces(clock) } = this.#deps;
    const disks = recordings.space.list();
    const used = disks.map(({ folder }) => folder);
    // Without its disk, a folder seems to be on the disk below.
    const away = new Set(disks.filter(({ state }) => state === 'vanished').map(({ folder }) => folder));
    const there = used.filter((folder) => !away.has(folder));
    const standard = folderOf(settings().pathDefaults.recordPath);
    const all = await places();
    const outside = recordings.playback.space.heldOutside(used);
    const older = outside.filter(({ folder }) => recordings.playback.offlineReason(join(folder, 'any')) === undefined);
    return all.map(({ isReadOnly: _, isRemovable, isNetwork, isWritable, ...place }) => ({
      ...place,
      removable: isRemovable,
      network: isNetwork,
      writable: isWritable,
      canBeOpened: !isWritable && this.#canOpen(place.folder),
      recordsHere: there.filter((folder) => holderOf(folder, all) === place.folder),
      isChosen: !away.has(standard) && holderOf(standard, all) === place.folder,
      recordPath: join(place.folder, BELOW_PLACE),
      older: sumOfFolders(older.filter(({ folder }) => holderOf(folder, all) === place.folder)),
    }));
  }

  /**
   * Lets the host give Perch write access to a disk, for which it restarts Perch some seconds later.
   * @returns what happens now, for users
   */
  async openPlace(folder: string, signal: AbortSignal): Promise<string> {
    const { clock, recordings, places = () => mountedPlaces(clock), host } = this.#deps;
    const all = await places();
    if (!all.some((place) => place.folder === folder)) {
      throw new PerchError('badInput', `no disk is mounted at '${folder.slice(0, 240)}'`);
    }
    if (!this.#canOpen(folder)) {
      const text = `Perch may not write there: change the owner of ${join(folder, 'perch')} to the user that Perch runs as`;
      throw new PerchError('unsupported', text, { folder });
    }
    // A missing disk stays open: its folder identifies it.
    const used = recordings.space.list().map((disk) => disk.folder);
    const kept = used.map((top) => placeOr(top, holderOf(top, all))).filter((top) => OPENED.test(top));
    const request = { folder, kept: [...new Set(kept)].filter((top) => top !== folder) };
    const { ok, text } = await host.ask('disk', request, OPENING_MS, signal);
    if (!ok) {
      throw new PerchError('unavailable', text, { folder });
    }
    return text;
  }

  #canOpen(folder: string): boolean {
    return OPENED.test(folder) && this.#deps.host.offers('disk');
  }

  #useOf(path: string): PathUse {
    const { recordings, clock, settings } = this.#deps;
    const nowUs = clock.wallMs() * 1000;
    const { space } = recordings.playback;
    const { firstUs, recentBytes, recentUs, recordedUs } = space.spanOf(path, nowUs - DAY_MS * 1000, nowUs);
    const own = resolvePath(settings(), path)?.settings;
    // Outages and the time after an import do not count, pauses between events do.
    const observedUs = own?.record === 'always' ? recordedUs : recentUs;
    const isKnown = observedUs >= MIN_OBSERVED_MS * 1000;
    const isRecorded = own !== undefined && own.record !== 'no';
    return {
      path,
      settings: own,
      bytes: space.bytesOf(path),
      firstUs,
      bytesPerDay: isKnown ? Math.round((recentBytes * DAY_MS * 1000) / observedUs) : undefined,
      disk: isRecorded ? this.#diskOf(folderOf(own.recordPath)) : undefined,
    };
  }

  /**
   * Bytes per day of all these uses. While a camera has no finished file, the writes to its disk since the start count
   * instead. Cameras that are no longer recorded do not count.
   */
  #rateOf(uses: readonly PathUse[], disks: readonly DiskStatus[]): number | undefined {
    const recorded = uses.filter(({ disk }) => disk !== undefined);
    if (recorded.every(({ bytesPerDay }) => bytesPerDay !== undefined)) {
      return recorded.length === 0 ? undefined : sumOf(recorded.map(({ bytesPerDay }) => bytesPerDay));
    }
    const rates = new Map(disks.map((disk) => [this.#diskOf(disk.folder), disk.writtenBytesPerDay]));
    const known = [...rates.values()].filter((rate) => rate !== null);
    return known.length < rates.size ? undefined : sumOf(known);
  }

  /** Folders on one disk share its space. */
  #diskOf(folder: string): string {
    const device = this.#deps.recordings.space.deviceOf(folder);
    return device === undefined ? folder : String(device);
  }

  /** Days of recordings that each disk holds at the current rate; the oldest are deleted first, of any camera. */
  #daysByDisk(uses: readonly PathUse[]): ReadonlyMap<string, number> {
    const disks = new Map(this.#deps.recordings.space.list().map((disk) => [this.#diskOf(disk.folder), disk]));
    const days = new Map<string, number>();
    for (const [id, disk] of disks) {
      const { freeBytes, minFreeBytes } = disk;
      if (freeBytes === null) {
        continue;
      }
      const here = uses.filter(({ disk }) => disk === id);
      const perDay = this.#rateOf(here, [disk]) ?? 0;
      const roomBytes =
        Math.max(0, freeBytes - minFreeBytes) + here.reduce((sum, { bytes }) => sum + bytes.ownBytes, 0);
      if (perDay > 0) {
        days.set(id, roomBytes / perDay);
      }
    }
    return days;
  }
}

/** Days of recordings that fit, by the space of the disk and the limit of the camera. */
function fitsDays({ settings, bytesPerDay, disk }: PathUse, byDisk: ReadonlyMap<string, number>): number | undefined {
  const onDisk = disk === undefined ? undefined : byDisk.get(disk);
  if (onDisk === undefined || bytesPerDay === 0) {
    return undefined;
  }
  const maxBytes = settings?.recordMaxSizeBytes;
  const ownLimit = maxBytes && bytesPerDay ? maxBytes / bytesPerDay : Number.POSITIVE_INFINITY;
  return roundDays(Math.min(onDisk, ownLimit));
}

const wantedDays = (deleteAfterMs: number | undefined): number | null =>
  deleteAfterMs ? roundDays(deleteAfterMs / DAY_MS) : null;

/** Recordings in folders that are no longer used. */
function sumOfFolders(folders: readonly HeldFolder[]): MountedDisk['older'] {
  return folders.length === 0
    ? null
    : {
        files: folders.reduce((sum, { files }) => sum + files, 0),
        bytes: folders.reduce((sum, { bytes }) => sum + bytes, 0),
        end: new Date(Math.max(...folders.map(({ endUs }) => endUs)) / 1000).toISOString(),
      };
}

/** The sum of the known values, or undefined if there are none. */
function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0);
}

/** Rounds to a tenth of a day, below one day to some ten seconds: twelve cameras fill a small disk within minutes. */
const roundDays = (days: number): number => {
  const steps = days < 1 ? 10_000 : 10;
  return Math.round(Math.max(0, days) * steps) / steps;
};

/** The deepest folder that all recordings of a template share. */
const folderOf = (recordPath: string): string => new RecordPathPattern(recordPath, undefined).folder;

/** The root holds the folders of missing disks. */
const placeOr = (folder: string, holder: string | undefined): string =>
  holder === undefined || holder === '/' ? folder : holder;

function holderOf(folder: string, places: readonly MountedPlace[]): string | undefined {
  const above = places.filter((place) => `${folder}/`.startsWith(place.folder === '/' ? '/' : `${place.folder}/`));
  return above.sort((a, b) => b.folder.length - a.folder.length)[0]?.folder;
}
