import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { systemWords } from '../../../words/system.ts';
import { RestorePanel } from './restore-panel.tsx';

/** At the first start: instead of setting the box up, what another one was. */
export const RestoreSheet = ({ onClosed }: { readonly onClosed: () => void }) => (
  <Sheet title={systemWords.value.restore} onClosed={onClosed}>
    <p class="dim">{systemWords.value.restoreText}</p>
    <RestorePanel />
  </Sheet>
);
