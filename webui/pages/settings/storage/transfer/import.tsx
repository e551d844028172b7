import { useEffect, useState } from 'preact/hooks';
import type { FolderLook } from '../../../../api-client/api-types.ts';
import { actionErrorText } from '../../../../api-client/error-text.ts';
import { fetchJson } from '../../../../api-client/request.ts';
import { usePolled } from '../../../../api-client/use-polled.ts';
import { Empty } from '../../../../live/notices.tsx';
import { Button } from '../../../../ui/controls/button.tsx';
import { Row } from '../../../../ui/controls/row.tsx';
import { byteSize } from '../../../../words/format.ts';
import { i18n } from '../../../../words/i18n.ts';
import { storageWords } from '../../../../words/settings/storage.ts';
import { transferWords } from '../../../../words/settings/transfer.ts';
import { FolderChoice } from './folder-choice.tsx';
import { ImportGroups } from './import-groups.tsx';
import { LeftOutFiles } from './left-out-files.tsx';
import type { Place } from './transfer-data.ts';
import { TransferPage } from './transfer-page.tsx';
import { COUNT_MS } from './transfer-start.tsx';

const SELDOM_MS = 10_000;

/** Settings, Storage, Import recordings: of another program, from a folder of the box. */
export function ImportPage() {
  const t = transferWords.value;
  return (
    <TransferPage kind="import" title={t.import} text={t.importText}>
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
    return <Look key={folder} folder={folder} onStarted={onStarted} onOther={() => setFolder(undefined)} />;
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
  const { value } = usePolled<{ readonly items: readonly Place[] }>('v3/disks/places', { everyMs: SELDOM_MS });
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
    </div>
  );
}

interface LookProps {
  readonly folder: string;
  readonly onStarted: () => void;
  readonly onOther: () => void;
}

function Look({ folder, onStarted, onOther }: LookProps) {
  const t = transferWords.value;
  const [found, setFound] = useState<FolderLook>();
  const [failure, setFailure] = useState<unknown>();
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const options = { method: 'POST', body: { from: folder }, signal, limitMs: COUNT_MS } as const;
    fetchJson<FolderLook>('v3/recordings/transfer/look', options).then(
      (answer) => signal.aborted || setFound(answer),
      (error: unknown) => signal.aborted || setFailure(error),
    );
    return () => stop.abort();
  }, []);
  return (
    <>
      <p class="looked-into">
        <b class="folder">
          <bdi>{folder}</bdi>
        </b>
        <Button kind="text" onClick={onOther}>
          {t.changeFolder}
        </Button>
      </p>
      <div role="status">
        {!found && failure === undefined && <p class="dim">{t.looking}</p>}
        {failure !== undefined && <p class="bad small">{actionErrorText(failure)}</p>}
        {found && found.own > 0 && <p class="dim">{t.ownFound(found.own)}</p>}
      </div>
      {found?.groups.length === 0 && <Empty title={t.nothingFound} text={t.nothingFoundText} />}
      {found && found.leftOut.count > 0 && (
        <div class="card padded">
          <LeftOutFiles leftOut={found.leftOut} title={t.notImportable(found.leftOut.count)} />
        </div>
      )}
      {found && found.groups.length > 0 && <ImportGroups folder={folder} found={found} onStarted={onStarted} />}
    </>
  );
}
