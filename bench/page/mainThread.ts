// What the page's own thread did, by Chromium's trace: of every task how long it took, and how much of that it had a
// processor. On a busy machine the two differ: a task that others keep from the processor is long without working.

import type { CDPSession, Page } from '@playwright/test';

export interface Task {
  /** Whether the page had set its mark `pressed` before. */
  readonly isRun: boolean;
  readonly ms: number;
  readonly processorMs: number;
}

/** An event of Chromium's trace format; times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

const isEvent = (value: object): value is TraceEvent => 'name' in value && 'ph' in value && 'pid' in value;

/** The tasks of the thread on which this page's scripts run, from now until the returned function is called. */
export async function watchTasks(page: Page): Promise<() => Promise<readonly Task[]>> {
  const session: CDPSession = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    for (const event of value) if (isEvent(event)) events.push(event);
  });
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', 'blink.user_timing', '__metadata'] },
  });
  return async () => {
    const isOver = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    await session.send('Tracing.end');
    await isOver;
    const mains = events.filter(
      ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
    );
    // The thread that laid out most is the page's; a spare process has one as well.
    const layouts = ({ pid, tid }: TraceEvent) =>
      events.filter((event) => event.name === 'Layout' && event.pid === pid && event.tid === tid).length;
    const [own] = mains.toSorted((a, b) => layouts(b) - layouts(a));
    const pressed = events.find(({ name, pid }) => name === 'pressed' && pid === own?.pid)?.ts ?? Number.NaN;
    return events
      .filter(
        ({ name, pid, tid }) =>
          name === 'ThreadControllerImpl::RunTask' && pid === own?.pid && tid === own.tid,
      )
      .map(({ ts, dur = 0, tdur = 0 }) => ({
        isRun: ts + dur > pressed,
        ms: dur / 1000,
        processorMs: tdur / 1000,
      }));
  };
}
