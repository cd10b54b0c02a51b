import type {
	ExplanationEvent,
	ProgressEvent,
	VertexEvent,
	WarningEvent,
} from '../kernel/progress-event.ts';

/** Those events of a build that are told of again when it is over. */
export class KeptEvents {
	readonly warnings: WarningEvent[] = [];
	/** The last events of the vertexes that ran in a container. */
	readonly steps: VertexEvent[] = [];
	readonly explanations: ExplanationEvent[] = [];

	/** Takes each event as it comes. */
	add(event: ProgressEvent): void {
		switch (event.type) {
			case 'vertex': {
				if (event.usage !== undefined) {
					this.steps.push(event);
				}

				break;
			}

			case 'warning': {
				this.warnings.push(event);
				break;
			}

			case 'explanation': {
				this.explanations.push(event);
				break;
			}

			case 'status':
			case 'log': {
				break;
			}
		}
	}
}
