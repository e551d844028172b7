import { useState } from 'preact/hooks';
import { patchConfig } from '../api-client/config.ts';
import { saveErrorText } from '../api-client/error-text.ts';
import { Switch } from '../ui/controls/switch.tsx';
import { toast } from '../ui/feedback/toast.tsx';

interface ConfigSwitchProps {
  /** Name of the key in the configuration. */
  readonly name: string;
  readonly title: string;
  readonly text?: string;
  readonly isOn: boolean;
  readonly onChanged: () => void;
}

/** A key of the configuration that is saved at once. */
export function ConfigSwitch({ name, isOn, onChanged, ...shown }: ConfigSwitchProps) {
  const [wanted, setWanted] = useState<boolean>();
  const change = async (on: boolean) => {
    setWanted(on);
    try {
      await patchConfig('v3/config/global/patch', { [name]: on }, undefined);
    } catch (error) {
      toast(saveErrorText(error));
    }
    setWanted(undefined);
    onChanged();
  };
  return <Switch {...shown} isOn={wanted ?? isOn} onChange={(on) => void change(on)} isLocked={wanted !== undefined} />;
}
