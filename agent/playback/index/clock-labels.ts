import { DAY_US } from '../../base/time/units.ts';
import type { FileMark } from '../../record/file/file-mark.ts';
import type { StreamMark } from '../../record/file/stream-mark.ts';
import type { IndexDatabase, Row } from './index-database.ts';

const QUARTER_HOUR_US = 15 * 60_000_000;
/** A smaller difference comes from slewing, not from setting the clock. */
const MIN_CORRECTION_US = 2_000_000;

/** Both clocks at the start of a recording. */
interface StartLabel {
  readonly nameUs: number;
  readonly wallUs: number | undefined;
  readonly monoUs: number | undefined;
}

/**
 * Determines the true starts of recordings. A board without a battery-backed clock starts in 1970, or at its last
 * shutdown, and gets the time minutes later. The first file of the same boot with a trusted clock yields the zero of
 * the monotonic clock, which dates the other files of that boot. Only the shown time changes, never a file name.
 */
export class ClockLabels {
  readonly #database: IndexDatabase;

  constructor(database: IndexDatabase) {
    this.#database = database;
  }

  /** Learns from a file with both marks. @returns the boot's number if the other files of that boot move */
  learn(mark: StreamMark, fileMark: FileMark): number | undefined {
    if (!fileMark.isClockTrusted) {
      return undefined;
    }
    const boot = this.#database.idOf(fileMark.bootId);
    const known = this.#database.first('SELECT * FROM boots WHERE boot = ?', boot);
    if (known && Number(known['mono_us']) <= fileMark.monoUs) {
      return undefined;
    }
    const offsetUs = Math.round(mark.wallUs - fileMark.monoUs);
    this.#database.run('INSERT OR REPLACE INTO boots VALUES (?, ?, ?)', boot, fileMark.monoUs, offsetUs);
    const movedUs = known ? Math.abs(offsetUs - Number(known['offset_us'])) : Infinity;
    return movedUs >= MIN_CORRECTION_US ? boot : undefined;
  }

  /** @param fileMark undefined if only the name and the file itself are known */
  startOf(label: StartLabel, fileMark: Pick<FileMark, 'bootId' | 'isClockTrusted'> | undefined): number {
    const boot = fileMark && !fileMark.isClockTrusted ? this.#database.findId(fileMark.bootId) : undefined;
    return this.#startIn(label, boot);
  }

  /** The start is certain: the clock was trusted then, or later in the same boot. */
  isDated(folder: string, name: string): boolean {
    const query = `SELECT 1 FROM segments WHERE folder = (SELECT id FROM names WHERE text = ?) AND name = ?
      AND state IN (1, 2, 4) AND (trusted = 1 OR EXISTS (SELECT 1 FROM boots WHERE boots.boot = segments.boot))`;
    return this.#database.first(query, folder, name) !== undefined;
  }

  /** The files of a boot whose shown start changes, with the new start. */
  *moved(boot: number): Generator<{ readonly id: number; readonly startUs: number }> {
    const query = 'SELECT id, name_us, start_us, wall_us, mono_us FROM segments WHERE boot = ? AND trusted = 0';
    for (const row of this.#database.all(query, boot)) {
      const startUs = this.#startIn(labelOf(row), boot);
      if (startUs !== Number(row['start_us'])) {
        yield { id: Number(row['id']), startUs };
      }
    }
  }

  #startIn({ nameUs, wallUs, monoUs }: StartLabel, boot: number | undefined): number {
    const shownUs = startByName(nameUs, wallUs);
    if (boot === undefined || wallUs === undefined || monoUs === undefined) {
      return shownUs;
    }
    const offset = this.#database.first('SELECT offset_us FROM boots WHERE boot = ?', boot)?.['offset_us'];
    const correctionUs = offset === undefined ? 0 : Number(offset) - (wallUs - monoUs);
    const correctedUs = shownUs + correctionUs;
    const isClear = Math.abs(correctionUs) >= MIN_CORRECTION_US && Number.isSafeInteger(correctedUs);
    return isClear ? correctedUs : shownUs;
  }
}

const labelOf = (row: Row): StartLabel => ({
  nameUs: Number(row['name_us']),
  wallUs: row['wall_us'] === null ? undefined : Number(row['wall_us']),
  monoUs: row['mono_us'] === null ? undefined : Number(row['mono_us']),
});

/**
 * The start by the file name, which has local time: wrong after a zone change and in the repeated hour of autumn. The
 * capture time inside the file corrects it by whole quarter hours.
 */
export function startByName(nameUs: number, wallUs: number | undefined): number {
  if (wallUs === undefined || Math.abs(wallUs - nameUs) > 1.1 * DAY_US) {
    return nameUs;
  }
  const quarters = Math.round((wallUs - nameUs) / QUARTER_HOUR_US);
  const isZone = Math.abs(wallUs - nameUs - quarters * QUARTER_HOUR_US) < 1_000_000;
  return isZone ? nameUs + quarters * QUARTER_HOUR_US : nameUs;
}
