"""How long test files take: seconds of processor time from an empty build/, by file.

Only their order matters, to `conftest.py`; a file that is not here takes less than these.
"""

__all__ = ["SECONDS"]

SECONDS = {
    "test_synthesis.py": 120,
    "test_accelerator.py": 115,
    "test_cli_sim.py": 105,
    "test_study_run.py": 80,
    "test_feeders.py": 70,
    "test_cli_usage.py": 65,
    "test_families.py": 60,
    "test_hw_add.py": 60,
    "test_training_resume.py": 58,
    "test_sim_build.py": 55,
    "test_nets_import.py": 55,
    "test_nets_layers.py": 45,
    "test_sim_simulate.py": 45,
    "test_cli_network.py": 40,
    "test_integer.py": 40,
    "test_family_elements.py": 35,
    "test_records.py": 35,
    "test_machine.py": 30,
    "test_schedule.py": 35,
    "test_window_modes.py": 30,
    "test_axi_memory.py": 27,
    "test_requantize.py": 27,
    "test_full_size.py": 25,
    "test_sweep.py": 25,
    "test_training_digits.py": 25,
    "test_multiply.py": 21,
    "test_nets_network.py": 20,
    "test_plan.py": 20,
    "test_ram.py": 20,
}
