import type { FolderList } from '../../../../api-client/api-types.ts';
import { usePolled } from '../../../../api-client/use-polled.ts';
import { Button } from '../../../../ui/controls/button.tsx';
import { Row } from '../../../../ui/controls/row.tsx';
import { byteSize } from '../../../../words/format.ts';
import { i18n } from '../../../../words/i18n.ts';
import { storageWords } from '../../../../words/settings/storage.ts';
import { transferWords } from '../../../../words/settings/transfer.ts';

interface FolderChoiceProps {
  readonly path: string;
  /** Recordings are written there. */
  readonly needsWriting?: boolean;
  readonly action: string;
  readonly onOpen: (path: string) => void;
  readonly onChoose: (path: string) => void;
}

const POLL_MS = 60_000;

/** Folders of the box, one level at a time. */
export function FolderChoice({ path, needsWriting = false, action, onOpen, onChoose }: FolderChoiceProps) {
  const { language } = i18n();
  const t = transferWords.value;
  const { value } = usePolled<FolderList>(`v3/disks/folders?path=${encodeURIComponent(path)}`, { everyMs: POLL_MS });
  if (!value) {
    return <div class="skeleton block" />;
  }
  const { parent, items, isCut, freeBytes, totalBytes, writable } = value;
  const isUsable = writable || !needsWriting;
  return (
    <section class="card folder-choice">
      <div class="padded">
        <b class="folder">
          <bdi>{value.path}</bdi>
        </b>
        <p class="dim small">
          {storageWords.value.freeOf(byteSize(freeBytes, language), byteSize(totalBytes, language))}
          {!isUsable && ` · ${storageWords.value.notWritable}`}
        </p>
        <Button isOff={!isUsable} onClick={() => onChoose(value.path)}>
          {action}
        </Button>
      </div>
      {parent !== null && <Row icon="back" title={t.folderAbove} text={parent} onClick={() => onOpen(parent)} />}
      {items.map((item) => (
        <Row key={item.path} icon="disk" title={item.name} onClick={() => onOpen(item.path)} />
      ))}
      {items.length === 0 && <p class="dim small padded">{t.noFolders}</p>}
      {isCut && <p class="dim small padded">{t.moreFolders}</p>}
    </section>
  );
}
