import { useState } from 'preact/hooks';
import { reasonText } from '../../../api-client/error-text.ts';
import { RequestError } from '../../../api-client/request.ts';
import { BackToSystem } from '../../../system/back-to-system.tsx';
import { fetchBackup, fetchFile } from '../../../system/backup-file.ts';
import { restoredText } from '../../../system/restore-notice.ts';
import { saveFile } from '../../../ui/browser/save-file.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { MessageCard } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { systemWords } from '../../../words/settings/system.ts';
import { words } from '../../../words/words.ts';
import { OwnerPasswordSheet } from './parts/owner-password-sheet.tsx';
import { RestorePanel } from './restore-panel.tsx';

/** Backup, restore and problem report. */
export function BackupPage() {
  const t = systemWords.value;
  // Only one button is the main one.
  const [isRestoring, setRestoring] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const [restored] = useState(restoredText);
  return (
    <>
      <section>
        <BackToSystem title={t.backup} />
        <p class="dim">{t.backupText}</p>
        <MessageCard icon="alert" tone="warn" title={t.backupSecret} text={t.backupSecretText} />
        <div class="tools">
          <Button kind={isRestoring ? 'quiet' : 'main'} onClick={() => setAsking(true)}>
            {t.backupDownload}
          </Button>
        </div>
        {isAsking && (
          <OwnerPasswordSheet
            title={t.backupDownload}
            text={t.backupAsks}
            busy={t.downloading}
            work={async (password) => saveFile(await fetchBackup(password))}
            onClosed={() => setAsking(false)}
          />
        )}
      </section>
      <section>
        <h2 class="title">{t.restore}</h2>
        <p class="dim">{t.restoreText}</p>
        {restored !== undefined && <MessageCard icon="ok" tone="calm" title={restored} />}
        <RestorePanel onChosen={setRestoring} />
      </section>
      <section>
        <h2 class="title">{t.report}</h2>
        <p class="dim">{t.reportText}</p>
        <Download address="v3/diagnostics" text={t.reportDownload} />
      </section>
    </>
  );
}

interface DownloadProps {
  readonly address: string;
  readonly text: string;
}

function Download({ address, text }: DownloadProps) {
  const [isBusy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    try {
      saveFile(await fetchFile(address));
    } catch (error) {
      // Read-only, so a lost response does not matter.
      const isAway = !(error instanceof RequestError) || error.status === 0;
      toast(isAway ? words.peek().noAnswer : reasonText((why) => why, error));
    }
    setBusy(false);
  };
  return (
    <div class="tools">
      <Button busy={isBusy && systemWords.value.downloading} onClick={() => void download()}>
        {text}
      </Button>
    </div>
  );
}
