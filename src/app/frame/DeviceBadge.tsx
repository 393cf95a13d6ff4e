// What the engine runs on, in two words; the reason opens on a click or a key.

import { useState } from 'react';
import type { DeviceInfo } from '../../worker/protocol.ts';
import { useDevice } from '../workbenchContext.tsx';
import type { DeviceState } from './deviceStore.ts';
import { Popup } from './Popup.tsx';

const backendNames: Readonly<Record<DeviceInfo['backend'], string>> = { webgpu: 'WebGPU', wasm: 'WASM' };

const threadsOf = (count: number): string => (count === 1 ? '1 thread' : `${count} threads`);

function detailOf({ adapter, threads }: DeviceInfo): string {
  return adapter ?? (threads === undefined ? '' : threadsOf(threads));
}

function BadgeText({ device }: { readonly device: DeviceState }) {
  if (device.status === 'asking') return <span>Looking for a device</span>;
  if (device.status === 'failed') return <b>No device</b>;
  const detail = detailOf(device.info);
  return (
    <>
      <b>{backendNames[device.info.backend]}</b>
      {detail !== '' && <span>· {detail}</span>}
    </>
  );
}

function Details({ device }: { readonly device: DeviceState }) {
  if (device.status === 'asking') return <p>The engine is starting and has not reported its device yet.</p>;
  if (device.status === 'failed') return <p>{device.message}</p>;
  const { backend, adapter, threads, reason } = device.info;
  return (
    <>
      <p>{reason}</p>
      <dl className="facts">
        <dt>Backend</dt>
        <dd>{backendNames[backend]}</dd>
        {adapter !== undefined && (
          <>
            <dt>Adapter</dt>
            <dd>{adapter}</dd>
          </>
        )}
        {threads !== undefined && (
          <>
            <dt>Runs on</dt>
            <dd>{threadsOf(threads)}</dd>
          </>
        )}
      </dl>
    </>
  );
}

export function DeviceBadge() {
  const device = useDevice((state) => state);
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Popup
      isOpen={isOpen}
      onOpenChange={setIsOpen}
      className="popover"
      label="Device"
      align="end"
      sideOffset={8}
      trigger={
        <button
          type="button"
          className={device.status === 'failed' ? 'pill pill-device pill-bad' : 'pill pill-device'}
        >
          <span className="visually-hidden">Device:</span>
          <BadgeText device={device} />
        </button>
      }
    >
      <Details device={device} />
    </Popup>
  );
}
