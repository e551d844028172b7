import { useState } from 'preact/hooks';
import type { ImportRequest } from '../../../agent/features/transfer/routes.ts';
import type { MountedDisk } from '../../api-client/api-types.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { cameras } from '../../cameras/cameras.ts';
import { firstTarget } from '../../copying/import-data.ts';
import { ImportGroups } from '../../copying/import-groups.tsx';
import { Look } from '../../copying/look.tsx';
import { TransferPage } from '../../copying/transfer-page.tsx';
import { Empty } from '../../live/notices.tsx';
import { featureLink } from '../../shell/route.ts';
import { Button } from '../../ui/controls/button.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { byteSize } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { copyingWords } from '../../words/settings/copying.ts';
import { storageWords } from '../../words/settings/storage.ts';
import { FolderChoice } from './folder-choice.tsx';
import { transferWords } from './words.ts';

/** Settings, Storage, Import recordings: of another program, from a folder of the box. */
export function ImportPage() {
  const t = transferWords.value;
  return (
    <TransferPage kind="import" title={copyingWords.value.import} text={t.importText}>
      {(onStarted) => <Source onStarted={onStarted} />}
    </TransferPage>
  );
}

/** A disk, then a folder, then what is in it. */
function Source({ onStarted }: { readonly onStarted: () => void }) {
  const t = transferWords.value;
  const [opened, setOpened] = useState<string>();
  const [folder, setFolder] = useState<string>();
  if (folder !== undefined) {
    // A camera of another box keeps its recordings there.
    const own = (cameras.value ?? []).filter(({ main }) => main.box === null);
    return (
      <Look
        key={folder}
        from={folder}
        body={{ from: folder }}
        other={t.changeFolder}
        onOther={() => setFolder(undefined)}
        nothing={<Empty title={t.nothingFound} text={t.nothingFoundText} />}
      >
        {(found) => (
          <ImportGroups
            found={found}
            cameras={own}
            firstTarget={(group) => firstTarget(group, folder, own)}
            requestOf={(items) => ({ kind: 'import', from: folder, items }) satisfies ImportRequest}
            onStarted={onStarted}
          />
        )}
      </Look>
    );
  }
  return (
    <>
      <h3>{t.importWhere}</h3>
      {opened === undefined ? (
        <Disks onOpen={setOpened} />
      ) : (
        <>
          <FolderChoice path={opened} action={t.lookHere} onOpen={setOpened} onChoose={setFolder} />
          <Button kind="text" onClick={() => setOpened(undefined)}>
            {t.otherDisks}
          </Button>
        </>
      )}
    </>
  );
}

function Disks({ onOpen }: { readonly onOpen: (folder: string) => void }) {
  const { language } = i18n();
  const t = transferWords.value;
  const { value } = usePolled<{ readonly items: readonly MountedDisk[] }>('v3/disks/places', 'normal');
  if (!value) {
    return <div class="skeleton block" />;
  }
  const size = (bytes: number) => byteSize(bytes, language);
  return (
    <div class="card source-disks">
      {value.items
        .filter(({ folder }) => folder !== '/')
        .map(({ folder, freeBytes, totalBytes }) => (
          <Row
            key={folder}
            icon="disk"
            title={folder}
            text={storageWords.value.freeOf(size(freeBytes), size(totalBytes))}
            onClick={() => onOpen(folder)}
          />
        ))}
      <Row icon="disk" title={t.allFolders} text={t.allFoldersText} onClick={() => onOpen('/')} />
      <Row
        icon="network"
        title={copyingWords.value.importFromRecorder}
        text={t.recorderRow}
        href={featureLink('storage', 'recorder')}
      />
    </div>
  );
}
