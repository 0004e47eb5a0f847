import type { Aggregate } from '@works/platform/event-store';
import { evolve as evolveMilestone, type Milestone, type MilestoneEvent } from './domain/milestone';
import { evolve as evolveProject, type Project, type ProjectEvent } from './domain/project';

export const projects: Aggregate<Project, ProjectEvent> = { table: 'projects', evolve: evolveProject };
export const milestones: Aggregate<Milestone, MilestoneEvent> = { table: 'milestones', evolve: evolveMilestone };
