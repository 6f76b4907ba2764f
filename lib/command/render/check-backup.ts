import type { CheckBackupReport } from '../report.ts';
import { plain } from './table.ts';

export function checkBackupText({ file, survives, reasons, mended }: CheckBackupReport, mendTo?: string): string {
	const verdict = survives
		? `${file} survives a reboot and another machine.`
		: `${file} WOULD NOT SURVIVE a reboot or another machine: its tables would be gone, and Harper may crash.`;
	return [verdict, ...reasons.map((reason) => `  ${reason}`), ...whatNow(survives, mended, mendTo)]
		.map(plain)
		.join('\n');
}

function whatNow(survives: boolean, mended: string | undefined, mendTo: string | undefined): readonly string[] {
	if (mended !== undefined) return [`${mended} is a copy that survives. The original is as it was.`];
	if (survives) return mendTo === undefined ? [] : ['There is nothing to mend, and no copy was written.'];
	return ['Mend it with --mend, on this machine or another: nothing in it is lost yet.'];
}
