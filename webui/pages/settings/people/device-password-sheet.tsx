import { useState } from 'preact/hooks';
import { notDoneWords } from '../../../api-client/error-text.ts';
import { ask } from '../../../api-client/request.ts';
import type { DeviceItem } from '../../../people/people.ts';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { Sure } from '../../../ui/sheet/confirm.tsx';
import { peopleWords } from '../../../words/people.ts';

interface DevicePasswordSheetProps {
  readonly device: DeviceItem;
  readonly text: string;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A device that has a password: what it may do, and how it is revoked. */
export function DevicePasswordSheet({ device, text, onChanged, onClosed }: DevicePasswordSheetProps) {
  const say = peopleWords.value;
  const [isDone, setDone] = useState(false);
  const revoke = async () => {
    try {
      await ask(`v3/devicepasswords/${encodeURIComponent(device.id)}`, { method: 'DELETE' });
      toast(peopleWords.peek().deviceRevoked);
      setDone(true);
      onChanged();
    } catch (error) {
      toast(notDoneWords(error));
    }
  };
  return (
    <Sheet title={device.name} onClosed={onClosed} isDone={isDone}>
      <p class="break">{text}</p>
      <p class="dim break">{say.deviceLogsInAs(device.user)}</p>
      <Sure title={say.revokeDevice} text={say.revokeDeviceText} onSure={revoke} />
    </Sheet>
  );
}
