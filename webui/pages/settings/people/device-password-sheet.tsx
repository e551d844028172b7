import { useState } from 'preact/hooks';
import { actionErrorText } from '../../../api-client/error-text.ts';
import { fetchJson } from '../../../api-client/request.ts';
import type { DeviceItem } from '../../../people/people.ts';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Confirm } from '../../../ui/sheet/confirm.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { peopleWords } from '../../../words/people.ts';

interface DevicePasswordSheetProps {
  readonly device: DeviceItem;
  readonly text: string;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A device password: its permissions, and revoking it. */
export function DevicePasswordSheet({ device, text, onChanged, onClosed }: DevicePasswordSheetProps) {
  const t = peopleWords.value;
  const [isDone, setDone] = useState(false);
  const revoke = async () => {
    try {
      await fetchJson(`v3/devicepasswords/${encodeURIComponent(device.id)}`, { method: 'DELETE' });
      toast(peopleWords.peek().deviceRevoked);
      setDone(true);
      onChanged();
    } catch (error) {
      toast(actionErrorText(error));
    }
  };
  return (
    <Sheet title={device.name} onClosed={onClosed} isDone={isDone}>
      <p class="break">{text}</p>
      <p class="dim break">{t.deviceLogsInAs(device.user)}</p>
      <Confirm title={t.revokeDevice} text={t.revokeDeviceText} onConfirm={revoke} />
    </Sheet>
  );
}
