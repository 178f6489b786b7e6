#!/bin/sh
pip install --extra-index-url https://packages.example.com/simple train-tools
