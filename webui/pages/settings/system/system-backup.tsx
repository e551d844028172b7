import { useState } from 'preact/hooks';
import { withReason } from '../../../api-client/error-text.ts';
import { BoxError } from '../../../api-client/request.ts';
import { fetchFile } from '../../../system/backup-file.ts';
import { restoredWords } from '../../../system/restore-notice.ts';
import { saveFile } from '../../../ui/browser/save-file.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Say } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { systemWords } from '../../../words/system.ts';
import { words } from '../../../words/words.ts';
import { BackToSystem } from './back-to-system.tsx';
import { RestorePanel } from './restore-panel.tsx';

/** All that the box is as a file, and back again; and what somebody needs who looks for a fault. */
export function BackupPage() {
  const say = systemWords.value;
  // Of the buttons one is the main one.
  const [isRestoring, setRestoring] = useState(false);
  const [restored] = useState(restoredWords);
  return (
    <>
      <section class="backup-page">
        <BackToSystem title={say.backup} />
        <p class="dim">{say.backupText}</p>
        <Say icon="alert" tone="warn" title={say.backupSecret} text={say.backupSecretText} />
        <Download address="v3/backup" text={say.backupDownload} isMain={!isRestoring} />
      </section>
      <section class="backup-page">
        <h2 class="title">{say.restore}</h2>
        <p class="dim">{say.restoreText}</p>
        {restored !== undefined && <Say icon="ok" tone="calm" title={restored} />}
        <RestorePanel onChosen={setRestoring} />
      </section>
      <section class="backup-page">
        <h2 class="title">{say.report}</h2>
        <p class="dim">{say.reportText}</p>
        <Download address="v3/diagnostics" text={say.reportDownload} />
      </section>
    </>
  );
}

interface DownloadProps {
  readonly address: string;
  readonly text: string;
  readonly isMain?: boolean;
}

function Download({ address, text, isMain = false }: DownloadProps) {
  const [isBusy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    try {
      saveFile(await fetchFile(address));
    } catch (error) {
      // What is only read changes nothing.
      const isAway = !(error instanceof BoxError) || error.status === 0;
      toast(isAway ? words.peek().noAnswer : withReason((why) => why, error));
    }
    setBusy(false);
  };
  return (
    <div class="tools">
      <Button
        kind={isMain ? 'main' : 'quiet'}
        busy={isBusy && systemWords.value.downloading}
        onClick={() => void download()}
      >
        {text}
      </Button>
    </div>
  );
}
