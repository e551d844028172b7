import type { DiskItem, MountedDisk } from '../../../api-client/api-types.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { Icon } from '../../../ui/icons/icon.tsx';
import { byteSize, moment, number, percent } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { storageWords } from '../../../words/settings/storage.ts';
import { type Drive, driveOf, mountOf } from './storage-data.ts';

interface DisksProps {
  readonly disks: readonly DiskItem[];
  readonly mounts: readonly MountedDisk[];
  readonly drives: readonly Drive[];
}

/** Present and former recording disks, then the other drives, with their health. */
export function Disks({ disks, mounts, drives }: DisksProps) {
  const { language } = i18n();
  const t = storageWords.value;
  const shown = disks.map((disk) => {
    const mount = mountOf(disk, mounts);
    return { disk, mount, drive: mount && driveOf(mount.device, drives) };
  });
  const others = drives.filter((drive) => !shown.some((one) => one.drive === drive) && drive.sizeBytes > 0);
  return (
    <div class="card">
      {shown.map(({ disk, mount, drive }) => (
        <div class="line tall" key={disk.folder}>
          <Icon name="disk" />
          <span class="grow">
            <b>
              <bdi>{[drive?.model, byteSize(disk.totalBytes, language)].filter(Boolean).join(' · ')}</bdi>
            </b>
            <span class="dim small">
              {[
                disk.freeBytes !== null &&
                  t.freeOf(byteSize(disk.freeBytes, language), byteSize(disk.totalBytes, language)),
                mount?.removable && t.removable,
                mount?.network && t.inNetwork,
                drive && healthText(drive, language),
              ]
                .filter(Boolean)
                .join(' · ')}
            </span>
            <span class="dim small folder">
              <bdi>{disk.folder}</bdi>
            </span>
          </span>
          {(disk.state === 'ok' ||
            disk.state === 'filling' ||
            disk.state === 'slowing' ||
            disk.state === 'nearlyFull') && <span class="chip on">{t.recordingHere}</span>}
        </div>
      ))}
      {mounts.map(
        (mount) =>
          mount.older &&
          mount.recordsHere.length === 0 && (
            <div class="line tall" key={mount.folder}>
              <Icon name="disk" />
              <span class="grow">
                <b class="folder">
                  <bdi>{mount.folder}</bdi>
                </b>
                <span class="dim small">
                  {t.olderHere(
                    byteSize(mount.older.bytes, language),
                    moment(Date.parse(mount.older.end), nowMs.value, i18n()),
                  )}
                </span>
              </span>
            </div>
          ),
      )}
      {others.map((drive) => (
        <div class="line tall" key={drive.name}>
          <Icon name="chip" />
          <span class="grow">
            <b>
              <bdi>{[drive.model || drive.name, byteSize(drive.sizeBytes, language)].join(' · ')}</bdi>
            </b>
            <span class="dim small">{healthText(drive, language)}</span>
          </span>
        </div>
      ))}
    </div>
  );
}

/** `healthy · 31 °C`, `12% worn · 14 MB written a day`. */
function healthText(
  { health, wornPercent, writtenBytesPerDay, temperatureCelsius }: Drive,
  language: string,
): string | undefined {
  const t = storageWords.value;
  const parts = [
    health && (health === 'ok' ? t.healthy : t.failing),
    wornPercent !== null && t.worn(percent(wornPercent / 100, language)),
    writtenBytesPerDay !== null && t.writtenDaily(byteSize(writtenBytesPerDay, language)),
    temperatureCelsius !== null && `${number(temperatureCelsius, 0, language)} °C`,
  ];
  return parts.filter(Boolean).join(' · ') || undefined;
}
