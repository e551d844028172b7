import { useState } from 'preact/hooks';
import type { MountedDisk } from '../../api-client/api-types.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { TransferPage } from '../../copying/transfer-page.tsx';
import { TransferStart } from '../../copying/transfer-start.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { byteSize } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { copyingWords } from '../../words/settings/copying.ts';
import { storageWords } from '../../words/settings/storage.ts';
import { FolderChoice } from './folder-choice.tsx';
import { transferWords } from './words.ts';

const OTHER = 'other';

/** Settings, Storage, Move recordings: to another disk while recording continues. */
export function MovePage() {
  const t = transferWords.value;
  return (
    <TransferPage kind="move" title={copyingWords.value.move} text={t.moveText}>
      {(onStarted) => <Choice onStarted={onStarted} />}
    </TransferPage>
  );
}

function Choice({ onStarted }: { readonly onStarted: () => void }) {
  const { language } = i18n();
  const t = transferWords.value;
  const mounts = usePolled<{ readonly items: readonly MountedDisk[] }>('v3/disks/places', 'slow');
  const [chosen, setChosen] = useState<string>();
  const [opened, setOpened] = useState('/');
  const [folder, setFolder] = useState<string>();
  if (!mounts.value) {
    return <div class="skeleton block" />;
  }
  const size = (bytes: number) => byteSize(bytes, language);
  const to = chosen === OTHER ? folder : chosen;
  return (
    <>
      <fieldset class="choices">
        <legend>{t.where}</legend>
        {mounts.value.items.map((mount) => (
          <Option
            key={mount.folder}
            title={mount.folder}
            text={[
              storageWords.value.freeOf(size(mount.freeBytes), size(mount.totalBytes)),
              mount.isChosen && storageWords.value.recordsNow,
              !mount.writable && storageWords.value.notWritable,
            ]}
            isOff={!mount.writable}
            isChosen={chosen === mount.folder}
            onChoose={() => setChosen(mount.folder)}
          />
        ))}
        <Option
          title={t.otherFolder}
          text={[folder ?? t.otherFolderText]}
          isChosen={chosen === OTHER}
          onChoose={() => setChosen(OTHER)}
        />
      </fieldset>
      {chosen === OTHER && folder === undefined && (
        <FolderChoice path={opened} needsWriting action={t.chooseFolder} onOpen={setOpened} onChoose={setFolder} />
      )}
      {chosen === OTHER && folder !== undefined && (
        <Button kind="text" onClick={() => setFolder(undefined)}>
          {t.changeFolder}
        </Button>
      )}
      {to !== undefined && <Start key={to} to={to} onStarted={onStarted} />}
    </>
  );
}

interface OptionProps {
  readonly title: string;
  readonly text: readonly (string | false)[];
  readonly isOff?: boolean;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

const Option = ({ title, text, isOff = false, isChosen, onChoose }: OptionProps) => (
  <label class="radio-card">
    <input type="radio" name="target" checked={isChosen} disabled={isOff} onChange={onChoose} />
    <span class="grow">
      <b class="folder">
        <bdi>{title}</bdi>
      </b>
      <span class="dim small">{text.filter(Boolean).join(' · ')}</span>
    </span>
  </label>
);

/** What is to be copied, whether it fits, and the start. */
function Start({ to, onStarted }: { readonly to: string; readonly onStarted: () => void }) {
  const { language } = i18n();
  const t = transferWords.value;
  const size = (bytes: number) => byteSize(bytes, language);
  return (
    <TransferStart request={{ kind: 'move', to }} action={t.start} onStarted={onStarted}>
      {({ files, bytes, freeBytes, missingBytes }) => (
        <>
          <p>{files === 0 ? t.nothingToMove : copyingWords.value.toCopy(size(bytes), files, size(freeBytes))}</p>
          {missingBytes > 0 && <p class="warn small">{t.doesNotFit(size(missingBytes))}</p>}
        </>
      )}
    </TransferStart>
  );
}
